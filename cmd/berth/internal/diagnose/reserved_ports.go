package diagnose

import "fmt"

// reservedPorts finds that net.ipv4.ip_local_reserved_ports is what makes ports scarce.
func reservedPorts(s *scene) []Finding {
	if s.Reserved == 0 {
		return nil
	}
	f := Finding{
		Because: fmt.Sprintf("net.ipv4.ip_local_reserved_ports takes %s out of the range %d-%d, and leaves %s", Plural(s.Reserved, "port"), s.First, s.Last, Count(s.Size())),
		Do: []string{
			"look at what is reserved: " + s.run("sysctl net.ipv4.ip_local_reserved_ports"),
			"keep only ports that something listens on",
		},
	}
	d := s.scarce()
	switch {
	case s.Size() == 0:
		f.Level = Exhausted
		f.What = "every port of the range is reserved, and connect finds none"
	case d != nil && 2*d.Held <= d.Budget+s.Reserved:
		f.Level = LevelOf(d)
		f.What = fmt.Sprintf("reserved ports leave too few: %s", scarcity(d))
	default:
		return nil
	}
	return []Finding{f}
}
