"""Configs of SER 0.8, SER 2.0, OpenSER and Kamailio as those of 0.9: what can be carried over is rewritten, what cannot is told."""

from serc.migration.draft import Fate as Fate
from serc.migration.migrate import ORIGINS as ORIGINS
from serc.migration.migrate import Migrated as Migrated
from serc.migration.migrate import migrate as migrate
