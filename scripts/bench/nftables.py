# SPDX-License-Identifier: Apache-2.0
"""DNAT as kube-proxy's nftables mode has it: one map from (address, protocol, port) to a chain for each service, which draws a chain for
each endpoint, which holds the DNAT. https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-nftables"""

HEAD = """
table ip bench {
    chain nat-HOOK { type nat hook HOOK priority -100; jump services; }
    chain nat-postrouting {
        type nat hook postrouting priority 100;
        meta mark & 0x4000 == 0 return
        meta mark set meta mark & 0xffffbfff
        masquerade fully-random
    }
"""


def rules(services, hook="output"):
    """services: list of (address, port, [(backend, port)...][, protocol])."""
    text, elements = [HEAD.replace("HOOK", hook)], []
    for number, (address, port, backends, *more) in enumerate(services):
        protocol = more[0] if more else "tcp"
        for index, (backend, target) in enumerate(backends):
            text.append(f"    chain endpoint-{number}-{index} {{ meta l4proto {protocol} dnat to {backend}:{target}; }}")
        choice = ", ".join(f"{index} : goto endpoint-{number}-{index}" for index in range(len(backends)))
        text.append(f"    chain service-{number} {{ numgen random mod {len(backends)} vmap {{ {choice} }}; }}")
        elements.append(f"{address} . {protocol} . {port} : goto service-{number}")
    text.append("    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { " + ", ".join(elements) + " } }")
    text.append("    chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }")
    return "\n".join(text) + "\n}\n"


def load(netns, services, hook="output"):
    """`hook`: "output" for connections of the host's own, "prerouting" for those that pass it."""
    netns.run("nft", "-f", "-", input=rules(services, hook), timeout=300)
