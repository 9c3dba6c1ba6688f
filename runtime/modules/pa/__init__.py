"""pa: presence. Reference modules-more, A.6."""

from typing import Final

from runtime.spec.declare import (
    FAILURE,
    REQUEST,
    Arg,
    ModuleSpec,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.effects import Does
from runtime.spec.kinds import some_text
from runtime.spec.params import seconds_param, table_param, url_param
from runtime.spec.values import Doubt


def _domain_doubt(text: str) -> Doubt | None:
    if text in ("registrar", "jabber"):
        return None
    return Doubt(f'nothing reports presence to the domain "{text}"', "write registrar or jabber")


_DOMAIN: Final = Arg("domain", some_text("domain", "a presence domain", _domain_doubt))

EXPORTS: Final = ModuleSpec(
    name="pa",
    summary="Presence agent: SUBSCRIBE, PUBLISH and NOTIFY.",
    needs=("tm",),
    functions=(
        function(
            "handle_subscription",
            None,
            _DOMAIN,
            routes=REQUEST | FAILURE,
            does=Does.ANSWER,
            summary="Take and answer SUBSCRIBE.",
        ),
        function(
            "handle_publish",
            None,
            _DOMAIN,
            routes=REQUEST | FAILURE,
            does=Does.ANSWER,
            may_stop=True,
            summary="Take and answer PUBLISH.",
        ),
        function(
            "pa_handle_registration",
            None,
            _DOMAIN,
            routes=REQUEST,
            does=Does.NOTHING,
            summary="Watch the user who registers.",
        ),
        function(
            "existing_subscription",
            None,
            _DOMAIN,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            may_stop=True,
            summary="True if there is such a subscription.",
        ),
        function(
            "pua_exists",
            None,
            _DOMAIN,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            may_stop=True,
            summary="Ends the script, always.",
        ),
    ),
    params=(
        seconds_param("default_expires", 3600, "Life of a subscription that names none."),
        integer_param("default_priority_percentage", 50, "Priority of a contact, times 100.", low=0, high=100),
        seconds_param("timer_interval", 10, "Period of NOTIFY."),
        switch_param("use_db", 0, "Keep presence in the database."),
        switch_param("use_place_table", 0, "Names of rooms are rows of the table of places."),
        switch_param("use_bsearch", 0, "Taken for compatibility."),
        switch_param("use_location_package", 0, "Serve the location event package."),
        url_param("db_url", None, "Database; needed with use_db."),
        string_param("pa_domain", "sip.handhelds.org", "Host in own URLs."),
        table_param("presentity_table", "presentity", "Table of users."),
        table_param("presentity_contact_table", "presentity_contact", "Table of their contacts."),
        table_param("watcherinfo_table", "watcherinfo", "Table of watchers."),
        table_param("place_table", "place", "Table of places."),
        switch_param("new_watcher_pending", 0, "New watchers wait for consent."),
        switch_param("callback_update_db", 1, "Changes of usrloc go to the database."),
        switch_param("callback_lock_pdomain", 1, "Taken for compatibility."),
        switch_param("new_tuple_on_publish", 0, "PUBLISH may name new contacts."),
        switch_param("pidf_priority", 1, "Documents tell the priority of contacts."),
    ),
    fifo_commands=("pa_publish", "pa_presence", "pa_location", "pa_location_contact", "pa_watcherinfo"),
)
