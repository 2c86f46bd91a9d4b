// gvisor is the adapter of gVisor's netstack: a program that speaks the messages of
// harness/target/adapter_messages.h on file descriptor 3.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
)

const (
	adapterABI        = 1
	testerFile        = 3
	exitStatusOfPanic = 2 // as Go has it
)

var version = "unknown" // of golang-gvisor-gvisor-dev; the build sets it

// No `urgent`: netstack neither sends nor heeds URG. No SIOCOUTQ among the socket options.
const capabilities = "listen accept connect local-port half-close simultaneous-open keep-alive sack timestamps " +
	"window-scale ipv4 ipv6 linger icmp backlog user-timeout socket-options tcp-info virtual-time"

// adapter answers requests. stack is nil before CREATE and after DESTROY.
type adapter struct {
	stack *netstack
	reply reply
}

// answer returns the reply; it is valid until the next call.
func (a *adapter) answer(q request) []byte {
	a.reply.begin()
	result := a.perform(q)
	deadline := never
	if a.stack != nil {
		deadline = a.stack.clock.deadline()
	}
	return a.reply.finish(result, deadline)
}

func (a *adapter) perform(q request) int64 {
	switch {
	case q.operation == opHello:
		return a.hello(q)
	case q.operation == opCreate:
		return a.create(q)
	case q.operation > opRun:
		return resultUnsupported
	case a.stack == nil:
		return resultInvalid
	}
	switch q.operation {
	case opDestroy:
		a.stack.destroy()
		a.stack = nil
		return resultOK
	case opInput:
		return a.stack.input(q.data)
	case opAdvance:
		return a.stack.advance(q.a)
	case opRun:
		a.reply.number(a.stack.run(q.a))
		return resultOK
	case opOpen:
		return a.stack.open()
	}
	k, found := a.stack.sockets[q.socket]
	if !found || k.closing && q.operation != opClose {
		return resultBadSocket
	}
	return a.call(q, k)
}

func (a *adapter) hello(q request) int64 {
	if q.a != adapterABI {
		return resultInvalid
	}
	about := fmt.Sprintf("name: gvisor\nversion: %s\ncapabilities: %s\n", version, capabilities)
	a.reply.item(itemData, []byte(about))
	return resultOK
}

func (a *adapter) create(q request) int64 {
	config, ok := parseConfiguration(q.data)
	if !ok || a.stack != nil {
		return resultInvalid
	}
	stack, err := newNetstack(config, func(datagram []byte) { a.reply.item(itemPacket, datagram) })
	if err != nil {
		a.reply.log(err.Error())
		return resultInvalid
	}
	a.stack = stack
	return resultOK
}

func (a *adapter) call(q request, k *socket) int64 {
	switch q.operation {
	case opListen:
		return a.stack.listen(k, q.a, q.b)
	case opConnect:
		return a.stack.connect(k, q.a, q.b, q.data)
	case opConnected:
		return a.stack.connected(k)
	case opAccept:
		return a.stack.accept(k)
	case opLocalPort:
		return a.stack.localPort(k)
	case opSend:
		return a.stack.send(k, q.data, q.a)
	case opReceive:
		return a.stack.receive(k, q.a, q.b, func(octets []byte) { a.reply.item(itemData, octets) })
	case opShutdown:
		return a.stack.shutdown(k, q.a)
	case opClose:
		return a.stack.close(q.socket, k)
	case opAbort:
		return a.stack.abort(q.socket, k)
	case opSetOption:
		return a.stack.setOption(k, string(q.data), q.a)
	case opGetOption:
		value, result := a.stack.getOption(k, string(q.data))
		if result == resultOK {
			a.reply.number(value)
		}
		return result
	case opState:
		return a.stack.state(k)
	}
	return resultUnsupported
}

// serve answers requests until the tester goes away.
func serve(tester io.ReadWriter) error {
	var a adapter
	requests := newRequestReader(tester)
	for {
		q, err := requests.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tester.Write(a.answer(q)); err != nil {
			return err
		}
	}
}

// tellOfPanic ends the program as Go does, but names the functions without the addresses that
// they were called with, so that two runs say the same. A panic in netstack's own goroutine is told by Go.
func tellOfPanic() {
	cause := recover()
	if cause == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "panic:", cause)
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for frame, more := frames.Next(); more; frame, more = frames.Next() {
		fmt.Fprintf(os.Stderr, "%s (%s:%d)\n", frame.Function, path.Base(frame.File), frame.Line)
	}
	os.Exit(exitStatusOfPanic)
}

func main() {
	defer tellOfPanic()
	// One goroutine at a time is all that the rules of adapter.h leave; more threads cost five times as much.
	runtime.GOMAXPROCS(1)
	if err := serve(os.NewFile(testerFile, "tester")); err != nil {
		fmt.Fprintln(os.Stderr, "gvisor:", err)
		os.Exit(1)
	}
}
