// Package prometheus has the type by which its collectors are known.
package prometheus

type Metric interface{ Desc() string }
