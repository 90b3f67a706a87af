package main

import "fmt"

// A target is a figure of berth's and what it must reach.
type target struct {
	What    string   `json:"what"`
	Got     float64  `json:"got"`
	AtMost  *float64 `json:"at_most"`
	AtLeast *float64 `json:"at_least"` // where both are nil, the figure is only reported
}

// verdict says whether the figure is reached, and if not, by how much.
func (t target) verdict() string {
	switch {
	case t.AtMost != nil:
		return "must be ≤ " + figure(*t.AtMost) + missed(t.Got-*t.AtMost)
	case t.AtLeast != nil:
		return "must be ≥ " + figure(*t.AtLeast) + missed(*t.AtLeast-t.Got)
	}
	return "no target"
}

// missed says by how much a target is, if it is.
func missed(by float64) string {
	if by <= 0 {
		return ": reached"
	}
	return ": missed by " + figure(by)
}

// figure prints whole and large numbers whole, and what matters of small ones.
func figure(v float64) string {
	switch {
	case v == float64(int64(v)), v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.01:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
