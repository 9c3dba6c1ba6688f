"""Tests of a ser.cfg beside it: the compiled config runs in an engine without sockets, in a time that the test moves."""
