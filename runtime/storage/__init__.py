"""Databases: what a module asks of one (statement, database), and who answers (sql, dbtext, flatstore)."""
