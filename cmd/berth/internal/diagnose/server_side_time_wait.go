package diagnose

import "fmt"

// serverSideTimeWait says of TIME_WAITs that people count and worry about, that they hold no port: those of
// accepted connections share the port that is listened on.
func serverSideTimeWait(s *scene) []Finding {
	if s.TWServer == 0 || percent(s.TWServer, s.Size()) < serverPart {
		return nil
	}
	return []Finding{{
		Level:   OK,
		What:    fmt.Sprintf("%s in TIME_WAIT belong to servers here, and are harmless", Plural(s.TWServer, "connection")),
		Because: "they were accepted, and closed by this side first: each shares its server's port and holds none of the range",
		Do:      []string{"nothing: each takes some hundred bytes of memory, and is gone within a minute"},
	}}
}

// serverPart is from how many on they are worth a word: percent of the range.
const serverPart = 10
