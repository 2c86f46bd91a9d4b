package main

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func TestTimersRunInTheOrderOfTheirTimesAndThenOfTheirSetting(t *testing.T) {
	clock := &virtualClock{now: 5}
	var ran []string
	record := func(name string) func() { return func() { ran = append(ran, name) } }
	clock.AfterFunc(20, record("late"))
	clock.AfterFunc(10, record("first"))
	moved := clock.AfterFunc(1, record("moved"))
	clock.AfterFunc(10, record("second"))
	stopped := clock.AfterFunc(3, record("stopped"))
	moved.Reset(10)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop() tells whether it stopped the timer")
	}
	for timer := clock.takeDue(15); timer != nil; timer = clock.takeDue(15) {
		timer.run()
	}
	if want := []string{"first", "second", "moved"}; !reflect.DeepEqual(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
	if got := clock.deadline(); got != 25 {
		t.Errorf("deadline %d, want 25", got)
	}
}

func TestTheClockStandsAtTheTimeOfTheTimerThatRuns(t *testing.T) {
	clock := &virtualClock{now: 100}
	before := clock.NowMonotonic()
	var after time.Duration
	clock.AfterFunc(7, func() { after = clock.NowMonotonic().Sub(before) })
	clock.takeDue(math.MaxInt64 - 1).run()
	clock.moveTo(1000)
	if after != 7 || clock.time() != 1000 {
		t.Errorf("ran after %d, and then it was %d", after, clock.time())
	}
	clock.moveTo(1)
	if clock.time() != 1000 {
		t.Error("the clock went back")
	}
}

func TestATimerThatIsNeverDueIsNoDeadline(t *testing.T) {
	clock := &virtualClock{now: 100}
	if got := clock.deadline(); got != never {
		t.Errorf("deadline %d without a timer", got)
	}
	timer := clock.AfterFunc(math.MaxInt64, func() { t.Error("ran") })
	if got := clock.deadline(); got != never {
		t.Errorf("deadline %d of a timer that is never due", got)
	}
	timer.Stop()
	clock.AfterFunc(-1, func() {})
	if got := clock.deadline(); got != 100 {
		t.Errorf("deadline %d of a timer that is due, want 100", got)
	}
}

func TestNoTimeIsShownTwice(t *testing.T) {
	clock := &virtualClock{now: 100}
	first, second := clock.NowMonotonic(), clock.NowMonotonic()
	clock.moveTo(101)
	third := clock.NowMonotonic()
	clock.moveTo(200)
	fourth := clock.NowMonotonic()
	if second.Sub(first) != 1 || third.Sub(second) != 1 || fourth.Sub(first) != 100 {
		t.Errorf("shown: +%d, +%d, +%d", second.Sub(first), third.Sub(first), fourth.Sub(first))
	}
}

func TestMonotonicTimeIsNotTheZeroThatStandsForUnset(t *testing.T) {
	clock := &virtualClock{}
	if got := clock.NowMonotonic(); reflect.ValueOf(got).IsZero() {
		t.Error("time zero")
	}
}
