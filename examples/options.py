"""Ask a SIP server for its options and print what it answers: `python3 examples/options.py sip:127.0.0.1:5060`."""

import secrets
import socket
import sys


def main() -> int:
    """0 if the server answered within two seconds."""
    uri = sys.argv[1] if len(sys.argv) > 1 else "sip:127.0.0.1:5060"
    host, _, port = uri.removeprefix("sip:").rpartition("@")[2].partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((host, int(port or 5060)))
        own = "{}:{}".format(*client.getsockname())
        lines = (
            f"OPTIONS {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{secrets.token_hex(8)};rport",
            f"From: <sip:probe@{own}>;tag={secrets.token_hex(4)}",
            f"To: <{uri}>",
            f"Call-ID: {secrets.token_hex(8)}",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        client.send("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        try:
            print(client.recv(65536).decode(errors="replace"), end="")
        except OSError as error:
            print(f"no answer from {host}:{port or 5060}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
