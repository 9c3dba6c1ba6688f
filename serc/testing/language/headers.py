"""The headers of SIP that standards name: what is nearly one of these is a slip. IANA's registry of SIP header fields."""

from typing import Final

HEADERS: Final = frozenset("""
    Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info Authorization Call-ID
    Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion
    Error-Info Event Expires From Geolocation History-Info Identity In-Reply-To Join Max-Forwards MIME-Version Min-Expires Min-SE
    Organization P-Asserted-Identity P-Associated-URI P-Called-Party-ID P-Charging-Vector P-Preferred-Identity
    P-Visited-Network-ID Path Priority Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route
    Refer-To Referred-By Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq
    Security-Client Security-Server Security-Verify Server Service-Route Session-Expires SIP-ETag SIP-If-Match Subject
    Subscription-State Supported Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate
    """.split())
