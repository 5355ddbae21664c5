"""The parts of Microsoft.Network bodies about virtual networks that kvguard reads; see ``arm_bodies``."""

from __future__ import annotations

from shared.adapters.arm_bodies import Body, Reference


class AddressSpace(Body):
    """CIDR ranges, IPv6 ones among them."""

    address_prefixes: list[str]


class DhcpOptions(Body):
    """Own DNS servers; absent or empty means Azure-provided DNS."""

    dns_servers: list[str] | None = None


class ServiceEndpoint(Body):
    """A service endpoint of a subnet, such as ``Microsoft.KeyVault``."""

    service: str


class SubnetProperties(Body):
    """A subnet has one range in ``addressPrefix`` or several in ``addressPrefixes``."""

    address_prefix: str | None = None
    address_prefixes: list[str] | None = None
    service_endpoints: list[ServiceEndpoint] | None = None
    network_security_group: Reference | None = None
    route_table: Reference | None = None
    private_endpoint_network_policies: str | None = None


class SubnetBody(Body):
    """A subnet inside its network."""

    id: str
    properties: SubnetProperties


class PeeringProperties(Body):
    """One side of a peering. The remote ranges come under either of two names."""

    peering_state: str | None = None
    allow_virtual_network_access: bool | None = None
    remote_virtual_network: Reference | None = None
    remote_address_space: AddressSpace | None = None
    remote_virtual_network_address_space: AddressSpace | None = None


class PeeringBody(Body):
    """A peering inside its network."""

    properties: PeeringProperties | None = None


class NetworkProperties(Body):
    """Ranges, subnets and peerings are always sent, empty where there are none; ``dhcpOptions`` may be absent."""

    address_space: AddressSpace
    subnets: list[SubnetBody]
    virtual_network_peerings: list[PeeringBody]
    dhcp_options: DhcpOptions | None = None


class NetworkBody(Body):
    """A virtual network with its subnets and peerings inline."""

    id: str
    properties: NetworkProperties


class SecurityRuleProperties(Body):
    """Addresses and ports come as one text or as a list; what application security groups name, as neither."""

    access: str
    priority: int
    protocol: str
    direction: str | None = None
    source_address_prefix: str | None = None
    source_address_prefixes: list[str] | None = None
    destination_address_prefix: str | None = None
    destination_address_prefixes: list[str] | None = None
    destination_port_range: str | None = None
    destination_port_ranges: list[str] | None = None
    source_application_security_groups: list[Reference] | None = None
    destination_application_security_groups: list[Reference] | None = None


class SecurityRuleBody(Body):
    """A rule of a network security group, its own or a default one."""

    properties: SecurityRuleProperties
    name: str | None = None


class SecurityGroupProperties(Body):
    """Both lists are always sent, the second one with the six default rules."""

    security_rules: list[SecurityRuleBody]
    default_security_rules: list[SecurityRuleBody]


class SecurityGroupBody(Body):
    """A network security group."""

    id: str
    properties: SecurityGroupProperties


class RouteProperties(Body):
    """A route; the address only for an appliance."""

    address_prefix: str
    next_hop_type: str | None = None
    next_hop_ip_address: str | None = None


class RouteBody(Body):
    """A route inside its table."""

    properties: RouteProperties
    name: str | None = None


class RouteTableProperties(Body):
    """``routes`` is always sent; propagation from gateways is on unless it says otherwise."""

    routes: list[RouteBody]
    disable_bgp_route_propagation: bool | None = None


class RouteTableBody(Body):
    """A route table."""

    id: str
    properties: RouteTableProperties


class RulesetBody(Body):
    """A DNS forwarding ruleset."""

    id: str


class RulesetLinkProperties(Body):
    """The network that a ruleset serves."""

    virtual_network: Reference | None = None


class RulesetLinkBody(Body):
    """A virtual network link of a ruleset."""

    properties: RulesetLinkProperties | None = None


class TargetServer(Body):
    """A DNS server that a rule forwards to."""

    ip_address: str | None = None


class ForwardingRuleProperties(Body):
    """A disabled rule forwards nothing; a rule without a state is enabled."""

    domain_name: str | None = None
    target_dns_servers: list[TargetServer] | None = None
    forwarding_rule_state: str | None = None


class ForwardingRuleBody(Body):
    """A rule of a ruleset."""

    properties: ForwardingRuleProperties | None = None
