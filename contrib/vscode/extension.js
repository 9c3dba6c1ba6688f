// Starts `serc lsp` for ser.cfg and *.sertest. All that the editor shows comes from there.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function start() {
  const [command, ...args] = vscode.workspace.getConfiguration("ser").get("command");
  client = new LanguageClient(
    "ser",
    "SIP Express Router",
    { command, args },
    { documentSelector: [{ language: "ser" }, { language: "sertest" }] },
  );
  return client.start().catch((error) => {
    vscode.window.showErrorMessage(
      `${command} does not start: ${error.message}. It comes with pip install '.[lsp]' in the folder of its source.`,
    );
  });
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("ser.restart", async () => {
      await deactivate();
      await start();
    }),
  );
  await start();
}

async function deactivate() {
  if (client) {
    await client.stop();
    client = undefined;
  }
}

module.exports = { activate, deactivate };
