"""serc lsp in Neovim, set up with the lines of docs/operating.md: what is wrong is marked, and a quick fix mends the file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serc.commands import serc

ROOT = Path(serc.__file__).parents[2]
NEOVIM = shutil.which("nvim")
CFG = 'loadmodule "sl.so"\nroute {\n  sl_send_replay("404", "Not Found");\n}\n'
# 0.7 has file types in Lua only where it is told so.
FILETYPES = "let g:do_filetype_lua=1 | let g:did_load_filetypes=0"
# 0.7 has another name for vim.lsp.start. Then the file is looked at as somebody would.
BEFORE = """
vim.lsp.start = vim.lsp.start or function(config)
  vim.lsp.buf_attach_client(0, vim.lsp.start_client(config))
end
"""
AFTER = """
local found = {}
local function note(name, value) found[name] = value end
local function marked(word)
  for _, each in ipairs(vim.diagnostic.get(0)) do
    if each.message:find(word, 1, true) then return each end
  end
end
vim.cmd("edit " .. vim.env.SER_CFG)
vim.wait(60000, function() return marked("sl_send_replay") ~= nil end, 50)
note("line", marked("sl_send_replay").lnum)
note("message", marked("sl_send_replay").message)
vim.api.nvim_win_set_cursor(0, {3, 4})
local params = vim.lsp.util.make_range_params()
params.context = {diagnostics = {}}
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 60000) or {}) do
  local action = answer.result[1]
  note("title", action.title)
  vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
end
vim.cmd("write")
vim.wait(60000, function() return marked("sl_send_replay") == nil end, 50)
note("left", marked("sl_send_replay") ~= nil)
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/hover", vim.lsp.util.make_position_params(), 60000) or {}) do
  note("hover", answer.result.contents.value)
end
io.stdout:write(vim.json.encode(found))
vim.cmd("qall!")
"""


def documented() -> list[str]:
    """The lines that docs/operating.md tells to write into init.lua."""
    row = next(line for line in (ROOT / "docs/operating.md").read_text().splitlines() if line.startswith("| Neovim |"))
    return re.findall(r"`([^`]+)`", row)


@pytest.mark.skipif(NEOVIM is None, reason="Neovim is not here")
def test_neovim_marks_what_is_wrong_and_mends_it(tmp_path: Path) -> None:
    assert NEOVIM is not None
    (tmp_path / "ser.cfg").write_text(CFG)
    command = tmp_path / "bin" / "serc"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serc.commands.serc "$@"\n')
    command.chmod(0o755)
    (tmp_path / "init.lua").write_text("\n".join([BEFORE, *documented(), AFTER]))
    environment = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "SER_CFG": str(tmp_path / "ser.cfg"),
        **{f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
    }
    arguments = [NEOVIM, "--headless", "--cmd", FILETYPES, "-u", "NONE", "-i", "NONE", "-n", "-c", "filetype on"]
    arguments += ["-c", f"luafile {tmp_path / 'init.lua'}", "-c", "cquit"]
    ran = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250)
    assert ran.returncode == 0 and ran.stdout.startswith("{"), (ran.stdout, ran.stderr)
    found = json.loads(ran.stdout)
    assert found["line"] == 2 and found["message"].startswith("there is no function sl_send_replay")
    assert found["title"] == "Write sl_send_reply" and found["left"] is False
    assert found["hover"].startswith("**sl_send_reply(code, reason)** of sl")
    assert (tmp_path / "ser.cfg").read_text() == CFG.replace("replay", "reply")
