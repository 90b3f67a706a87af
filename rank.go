package berth

import "net/netip"

// sameRank reports whether dials may go to either of two addresses of a name as
// they like: both are of one family, and RFC 6724 prefers neither, by the policy
// for its prefix or by scope. (Its last rules, which ask for the longest common
// prefix, would have all dials go to one address.)
func sameRank(a, b netip.Addr) bool {
	return a.Is4() == b.Is4() && isNear(a) == isNear(b) && (a.Is4() || policy(a) == policy(b))
}

// isNear is the scope: link-local, as loopback is too (RFC 6724, sections 3.1 and
// 3.2). What is site-local has a policy.
func isNear(a netip.Addr) bool { return a.IsLoopback() || a.IsLinkLocalUnicast() }

// policies are the prefixes of IPv6 that RFC 6724, section 2.1, tells apart, but
// for ::/0, the most special first.
var policies = []netip.Prefix{
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3ffe::/16"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("fc00::/7"),
}

// policy is the place of a's in policies.
func policy(a netip.Addr) int {
	a = a.WithZone("")
	for i, p := range policies {
		if p.Contains(a) {
			return i
		}
	}
	return len(policies)
}
