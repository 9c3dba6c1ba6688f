"""The words in which a module declares its script functions, parameters and FIFO commands.

A declaration is data: `serc` checks calls against it, the generated code calls the body it names, the documentation is
written from it. Nothing here is on the path of a message.
"""
