package sock

import "testing"

func TestStateString(t *testing.T) {
	for s, want := range map[State]string{
		Established: "established",
		TimeWait:    "time-wait",
		Closing:     "closing",
		Bound:       "bound",
		0:           "state 0",
		200:         "state 200",
	} {
		if got := s.String(); got != want {
			t.Errorf("State(%d) is %q, want %q", uint8(s), got, want)
		}
	}
	// The kernel's numbers, which iota must not drift from.
	if TimeWait != 6 || Listen != 10 || Bound != 13 {
		t.Errorf("time-wait %d, listen %d, bound %d; want 6, 10, 13", TimeWait, Listen, Bound)
	}
}

func TestStates(t *testing.T) {
	set := SetOf(TimeWait, Bound)
	for s := range State(32) {
		if want := s == TimeWait || s == Bound; set.Has(s) != want {
			t.Errorf("%v in the set: %t, want %t", s, set.Has(s), want)
		}
		if want := s >= Established && s <= Bound; AllStates.Has(s) != want {
			t.Errorf("%v among all states: %t, want %t", s, AllStates.Has(s), want)
		}
	}
}
