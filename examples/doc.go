// Package examples shows a berth.Transport beneath the clients that people use.
// It has no code but its Examples and tests, and is a module of its own so that
// the library inherits none of what they need.
package examples
