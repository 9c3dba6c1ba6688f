"""registrar's parameters as its functions use them."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64


@final
class Settings:
    """What ser.cfg has set. Times are seconds, `default_q` is 0…1000 or -1, `nat_flag` is the flag's bit."""

    def __init__(
        self,
        default_expires: i64,
        min_expires: i64,
        max_expires: i64,
        default_q: i64,
        append_branches: bool,
        case_sensitive: bool,
        desc_time_order: bool,
        nat_flag: i64,
        realm_prefix: bytes,
        received_param: bytes,
        received_avp: int,
        use_domain: bool,
        max_contacts: i64,
        retry_after: i64,
        check_contacts: bool,
    ) -> None:
        self.default_expires: Final = default_expires
        self.min_expires: Final = min_expires
        self.max_expires: Final = max_expires
        self.default_q: Final = default_q
        self.append_branches: Final = append_branches
        self.case_sensitive: Final = case_sensitive
        self.desc_time_order: Final = desc_time_order
        self.nat_flag: Final = nat_flag
        self.realm_prefix: Final = realm_prefix
        self.received_param: Final = received_param
        self.received_avp: Final = received_avp
        self.use_domain: Final = use_domain
        self.max_contacts: Final = max_contacts
        self.retry_after: Final = retry_after
        self.check_contacts: Final = check_contacts

    def lasting(self, wanted_s: i64) -> i64:
        """The life of a contact that asks for so many seconds, not 0: raised and then cut as ser.cfg says, never refused."""
        lasts_s = max(wanted_s, self.min_expires)
        return min(lasts_s, self.max_expires) if self.max_expires != 0 else lasts_s
