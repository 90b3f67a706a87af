package main

import "testing"

func TestApply(t *testing.T) {
	const text = "0123456789"
	for _, tt := range []struct {
		name  string
		edits []edit
		want  string
	}{
		{"none", nil, text},
		{"in any order", []edit{{8, 9, "b", false}, {1, 3, "a", false}}, "0a34567b9"},
		{"insertions at one place, as they came", []edit{{4, 4, "a", false}, {4, 4, "b", false}, {4, 5, "c", false}}, "0123abc56789"},
		{"a patch wins, whichever came first", []edit{{2, 3, "x", false}, {1, 5, "patch", true}, {4, 7, "y", false}}, "0patch56789"},
		{"and over an insertion at its start", []edit{{1, 1, "x", false}, {1, 5, "patch", true}}, "0patch56789"},
		{"not over one at its end", []edit{{5, 5, "x", false}, {1, 5, "patch", true}}, "0patchx56789"},
	} {
		got, err := apply([]byte(text), tt.edits)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	if got, err := apply([]byte(text), []edit{{1, 4, "a", false}, {3, 5, "b", false}}); err == nil {
		t.Errorf("overlapping edits gave %q, want an error", got)
	}
}
