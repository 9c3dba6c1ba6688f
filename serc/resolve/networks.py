"""Networks as ser.cfg writes them without quotes: `address/length`, `address/mask`, one address."""

from __future__ import annotations

import ipaddress

from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Report
from serc.reading import tree


def network_text(net: tree.IpNet) -> str:
    """Its text as kinds take it."""
    if net.mask is None:
        return net.address.text
    return f"{net.address.text}/{net.mask.value if isinstance(net.mask, tree.Number) else net.mask.text}"


def check_network(net: tree.IpNet, report: Report) -> bool:
    """False, reported, if there is no such network; bits outside of the mask are only worth a warning."""
    bits = 32 if net.address.version == 4 else 128
    if isinstance(net.mask, tree.Number) and net.mask.value > bits:
        message = f"/{net.mask.text} is too long for an IPv{net.address.version} address"
        report.add(codes.OUT_OF_RANGE, net.mask.span, message, hint=f"it has {bits} bits")
        return False
    if isinstance(net.mask, tree.IpAddress) and net.mask.version != net.address.version:
        report.add(codes.BAD_ADDRESS, net.mask.span, "address and mask are of different families")
        return False
    if net.mask is not None:
        _host_bits(net, bits, report)
    return True


def _host_bits(net: tree.IpNet, bits: int, report: Report) -> None:
    address = int(ipaddress.ip_address(net.address.text))
    if isinstance(net.mask, tree.Number):
        mask = ((1 << net.mask.value) - 1) << (bits - net.mask.value)
        shown = net.mask.text
    else:
        assert net.mask is not None
        mask = int(ipaddress.ip_address(net.mask.text))
        shown = net.mask.text
        rest = ((1 << bits) - 1) & ~mask
        if rest & (rest + 1):
            message = f"{shown} is no mask of a network: its bits are not all at the beginning"
            report.add(codes.MASK_WITH_HOLES, net.mask.span, message, hint="write how many bits it has, as in /24")
            return
    if address & ~mask:
        kind = ipaddress.IPv4Address if net.address.version == 4 else ipaddress.IPv6Address
        fixed = f"{kind(address & mask)}/{shown}"
        message = f"the network has bits set outside of its mask: {fixed} is taken"
        hint = f"write {fixed}, or leave the mask away for one address"
        report.add(codes.HOST_BITS, net.span, message, hint=hint, fix=write(net.span, fixed))
