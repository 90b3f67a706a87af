package berth

import (
	"encoding/binary"
	"testing"
)

func appendFrame(b []byte, kind, flags byte, payload ...byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags, 0, 0, 0, 0)
	return append(b, payload...)
}

func setting(id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value)
}

func TestH2Frames(t *testing.T) {
	ten := setting(h2MaxStreams, 10)
	window := setting(4, 65535)
	tests := []struct {
		name    string
		frames  []byte
		goAway  bool
		streams int // -1 is nothing told
	}{
		{"none", nil, false, -1},
		{"data", appendFrame(nil, frameData, 0, ten...), false, -1},
		{"limit", appendFrame(nil, h2Settings, 0, ten...), false, 10},
		{"limit among others", appendFrame(nil, h2Settings, 0, append(append(window, ten...), window...)...), false, 10},
		{"no limit said", appendFrame(nil, h2Settings, 0, window...), false, defaultStreams},
		{"empty settings", appendFrame(nil, h2Settings, 0), false, defaultStreams},
		{"an acknowledgement says nothing", appendFrame(nil, h2Settings, h2Ack), false, -1},
		{"the second says nothing of it", appendFrame(appendFrame(nil, h2Settings, 0, ten...), h2Settings, 0, window...), false, 10},
		{"the last counts", appendFrame(appendFrame(nil, h2Settings, 0), h2Settings, 0, ten...), false, 10},
		{"more than anybody needs", appendFrame(nil, h2Settings, 0, setting(h2MaxStreams, 1<<32-1)...), false, manyStreams},
		{"goaway", appendFrame(appendFrame(nil, h2Settings, 0), h2GoAway, 0, make([]byte, 8)...), true, defaultStreams},
		{"cut in its head", []byte{0, 0, 8, h2GoAway}, false, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.frames)+1; size++ {
				goAway, streams := feedInPieces(tt.frames, func(int) int { return size })
				if goAway != tt.goAway || streams != tt.streams {
					t.Errorf("in pieces of %d: goaway %v, %d streams; want %v, %d", size, goAway, streams, tt.goAway, tt.streams)
				}
			}
		})
	}
}

// feedInPieces returns what was told last: -1 for nothing.
func feedInPieces(b []byte, size func(i int) int) (goAway bool, streams int) {
	var f h2frames
	streams = -1
	for i := 0; len(b) > 0; i++ {
		n := min(size(i), len(b))
		goAway = f.feed(b[:n]) || goAway
		b = b[n:]
		if n, ok := f.limit(); ok {
			streams = n
		}
	}
	return goAway, streams
}

// However the bytes are cut, and whatever they are, the same is told.
func FuzzH2Frames(f *testing.F) {
	f.Add(appendFrame(appendFrame(nil, h2Settings, 0, setting(h2MaxStreams, 10)...), h2GoAway, 0, make([]byte, 8)...), []byte{1, 5, 200})
	f.Add([]byte{0, 0, 7, h2Settings, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9, 9}, []byte{3})
	f.Fuzz(func(t *testing.T, b, cuts []byte) {
		whole, all := feedInPieces(b, func(int) int { return len(b) })
		goAway, streams := feedInPieces(b, func(i int) int {
			if len(cuts) == 0 {
				return 1
			}
			return int(cuts[i%len(cuts)]) + 1
		})
		if goAway != whole {
			t.Errorf("goaway %v in pieces, %v whole", goAway, whole)
		}
		if streams != all {
			t.Errorf("%d streams in pieces, %d whole", streams, all)
		}
	})
}
