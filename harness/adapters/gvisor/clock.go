package main

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Netstack takes a monotonic time of zero for "never", so its clock must not begin there.
const clockStart = int64(time.Hour)

const never = int64(-1)

// virtualClock is the stack's clock. It moves in advance() only. Timers that are due at the same
// instant run in the order in which they were set: the same calls give the same octets.
type virtualClock struct {
	mu     sync.Mutex
	now    int64 // the tester's time, ns
	shown  int64 // by the last reading
	set    uint64
	timers timerHeap
}

var _ tcpip.Clock = (*virtualClock)(nil)

type virtualTimer struct {
	clock *virtualClock
	run   func()
	due   int64
	set   uint64
	place int // in the heap; -1: not in it
}

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, clockStart+c.now)
}

// NowMonotonic shows no time twice, as a clock of nanoseconds does not while code runs: of two
// segments that were sent at the very same instant netstack would hold the later one for lost
// when the earlier one is acknowledged (rackControl.detectLoss).
func (c *virtualClock) NowMonotonic() tcpip.MonotonicTime {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown++; c.shown < c.now {
		c.shown = c.now
	}
	return tcpip.MonotonicTime{}.Add(time.Duration(clockStart + c.shown))
}

func (c *virtualClock) AfterFunc(delay time.Duration, run func()) tcpip.Timer {
	timer := &virtualTimer{clock: c, run: run, place: -1}
	timer.Reset(delay)
	return timer
}

func (t *virtualTimer) Reset(delay time.Duration) {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	t.due = c.now
	if delay > 0 {
		t.due += int64(delay)
	}
	if t.due < c.now { // netstack sets timers 292 years ahead, to stop them at once
		t.due = math.MaxInt64
	}
	c.set++
	t.set = c.set
	if t.place >= 0 {
		heap.Fix(&c.timers, t.place)
		return
	}
	heap.Push(&c.timers, t)
}

func (t *virtualTimer) Stop() bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.place < 0 {
		return false
	}
	heap.Remove(&c.timers, t.place)
	return true
}

// takeDue removes the timer that is due first, and moves the clock to it; nil if none is by then.
// The caller runs it, without a lock.
func (c *virtualClock) takeDue(by int64) *virtualTimer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].due > by {
		return nil
	}
	timer := heap.Pop(&c.timers).(*virtualTimer)
	if timer.due > c.now {
		c.now = timer.due
	}
	return timer
}

func (c *virtualClock) time() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *virtualClock) moveTo(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now > c.now {
		c.now = now
	}
}

// deadline is when the next timer is due, or never.
func (c *virtualClock) deadline() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].due == math.MaxInt64 {
		return never
	}
	return c.timers[0].due
}

type timerHeap []*virtualTimer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].set < h[j].set
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *timerHeap) Push(timer any) {
	t := timer.(*virtualTimer)
	t.place = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	timer := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	timer.place = -1
	return timer
}
