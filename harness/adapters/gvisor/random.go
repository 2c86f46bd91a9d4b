package main

import (
	"encoding/binary"
	"io"
	"math/rand"
	"sync"
)

// randomness is all that is random in a stack: it comes from the seed alone. SplitMix64, since a
// new stack for each test must not spend its time on filling a large state.
type randomness struct {
	mu    sync.Mutex
	state uint64
}

var (
	_ rand.Source64 = (*randomness)(nil)
	_ io.Reader     = (*randomness)(nil)
)

func (r *randomness) Seed(seed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = uint64(seed)
}

func (r *randomness) Uint64() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state += 0x9e3779b97f4a7c15
	mixed := (r.state ^ r.state>>30) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ mixed>>27) * 0x94d049bb133111eb
	return mixed ^ mixed>>31
}

func (r *randomness) Int63() int64 { return int64(r.Uint64() >> 1) }

func (r *randomness) Read(octets []byte) (int, error) {
	var eight [8]byte
	for at := 0; at < len(octets); at += len(eight) {
		binary.BigEndian.PutUint64(eight[:], r.Uint64())
		copy(octets[at:], eight[:])
	}
	return len(octets), nil
}
