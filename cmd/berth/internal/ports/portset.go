package ports

import (
	"iter"
	"math/bits"
)

// A PortSet is a set of ports. Its zero value is empty.
type PortSet [1 << 16 / 64]uint64

// Add puts p into the set.
func (s *PortSet) Add(p uint16) { s[p/64] |= 1 << (p % 64) }

// Has reports whether p is in the set.
func (s *PortSet) Has(p uint16) bool { return s[p/64]&(1<<(p%64)) != 0 }

// Len is how many ports are in the set.
func (s *PortSet) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// All are the ports in the set, in order.
func (s *PortSet) All() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(uint16(i*64 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}
