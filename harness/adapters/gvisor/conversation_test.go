package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/header"
)

const (
	flagsACK    = header.TCPFlagAck
	flagsFINACK = header.TCPFlagFin | header.TCPFlagAck
	flagsPSHACK = header.TCPFlagPsh | header.TCPFlagAck
	flagsRSTACK = header.TCPFlagRst | header.TCPFlagAck
)

// converse opens, echoes, closes from the stack's side and waits for the end of TIME-WAIT.
func converse(t *testing.T, family uint8, seed uint64) []byte {
	t.Helper()
	p := newTester(t, family, seed)
	c := p.establish()
	c.want(80, c.call(opLocalPort, 0, 0, ""))
	c.send(flagsPSHACK, "hello")
	c.wantOne(flagsACK)
	c.want(5, c.call(opReceive, 100, 0, ""))
	if string(c.data) != "hello" {
		t.Fatalf("received %q", c.data)
	}
	c.want(resultAgain, c.call(opReceive, 100, 0, ""))
	c.want(5, c.call(opSend, 0, 0, "HELLO"))
	if echo := c.wantOne(flagsPSHACK); string(echo.payload) != "HELLO" || echo.seq != c.ack || echo.ack != c.seq {
		t.Fatalf("sent %+v", echo)
	}
	c.ack += 5
	c.send(flagsACK, "")
	c.want(resultOK, c.call(opShutdown, directionWrite, 0, ""))
	c.wantOne(flagsFINACK)
	c.want(resultBrokenPipe, c.call(opSend, 0, 0, "late"))
	c.ack++
	c.send(flagsFINACK, "")
	c.wantOne(flagsACK)
	c.want(stateTimeWait, c.call(opState, 0, 0, ""))
	c.want(0, c.call(opReceive, 1, 0, ""))
	end := hour + 60*second
	for c.deadline < end { // netstack leaves timers behind that it no longer needs
		c.want(resultOK, c.call(opAdvance, c.deadline, 0, ""))
	}
	if c.deadline != end || len(c.packets) != 0 {
		t.Fatalf("deadline %d, want the end of TIME-WAIT at %d; sent %+v", c.deadline, end, c.packets)
	}
	c.want(resultOK, c.call(opAdvance, end-1, 0, ""))
	c.want(stateTimeWait, c.call(opState, 0, 0, ""))
	c.want(resultOK, c.call(opAdvance, end, 0, ""))
	c.want(stateClosed, c.call(opState, 0, 0, ""))
	if c.deadline != never {
		t.Fatalf("deadline %d of a stack that has nothing to do", c.deadline)
	}
	c.want(resultOK, c.call(opClose, 0, 0, ""))
	c.want(resultBadSocket, c.call(opState, 0, 0, ""))
	c.want(resultOK, c.do(request{operation: opDestroy}))
	return p.said
}

func TestAConversationOnIPv4(t *testing.T) { converse(t, 4, 1) }
func TestAConversationOnIPv6(t *testing.T) { converse(t, 6, 1) }

func TestTheSameSeedGivesTheSameOctetsAndAnotherSeedOthers(t *testing.T) {
	for _, family := range []uint8{4, 6} {
		first := converse(t, family, 42)
		if !bytes.Equal(first, converse(t, family, 42)) {
			t.Errorf("IPv%d: the second stack in this process is not as the first", family)
		}
		if bytes.Equal(first, converse(t, family, 43)) {
			t.Errorf("IPv%d: the seed changes nothing", family)
		}
	}
}

func TestAResetIsToldOnceBehindTheOctetsThatCameBeforeIt(t *testing.T) {
	c := newTester(t, 4, 1).establish()
	c.send(flagsPSHACK, "last words")
	c.send(header.TCPFlagRst, "")
	if len(c.packets) != 0 {
		t.Fatalf("answered a RST with %+v", c.packets)
	}
	c.want(10, c.call(opReceive, 100, 0, ""))
	c.want(resultReset, c.call(opReceive, 100, 0, ""))
	c.want(0, c.call(opReceive, 100, 0, ""))
	c.want(stateClosed, c.call(opState, 0, 0, ""))
}

func TestAConnectEndsAsThePeerAnswers(t *testing.T) {
	p := newTester(t, 4, 1)
	connect := func(localPort int64) *peer {
		c := &peer{tester: p, socket: int32(p.do(request{operation: opOpen})), from: 7, seq: 500}
		c.want(resultNotConnected, c.call(opConnected, 0, 0, ""))
		c.want(resultOK, c.call(opConnect, localPort, 7, string(peer4)))
		syn := c.wantOne(header.TCPFlagSyn)
		c.to, c.ack = syn.from, syn.seq+1
		c.want(resultAgain, c.call(opConnected, 0, 0, ""))
		c.want(resultInProgress, c.call(opConnect, 0, 7, string(peer4)))
		return c
	}
	refused := connect(0)
	refused.send(flagsRSTACK, "")
	refused.want(resultRefused, refused.call(opConnected, 0, 0, ""))

	taken := connect(1234)
	if taken.to != 1234 {
		t.Errorf("SYN from port %d", taken.to)
	}
	taken.send(header.TCPFlagSyn|header.TCPFlagAck, "")
	taken.wantOne(flagsACK)
	taken.want(resultOK, taken.call(opConnected, 0, 0, ""))
	taken.want(1234, taken.call(opLocalPort, 0, 0, ""))

	ignored := connect(0)
	for ignored.deadline != never {
		ignored.want(resultOK, ignored.do(request{operation: opAdvance, a: ignored.deadline}))
	}
	ignored.want(resultTimedOut, ignored.call(opConnected, 0, 0, ""))
}

func TestARunStopsWhereSomethingIsSent(t *testing.T) {
	p := newTester(t, 4, 1)
	c := &peer{tester: p, socket: int32(p.do(request{operation: opOpen}))}
	c.want(resultOK, c.call(opConnect, 0, 7, string(peer4)))
	for _, want := range []int64{hour + second, hour + 3*second} {
		c.want(resultOK, c.do(request{operation: opRun, a: hour + 5*second}))
		if c.wantOne(header.TCPFlagSyn); c.number != want {
			t.Errorf("stopped at %d, want %d", c.number, want)
		}
	}
	c.want(resultOK, c.do(request{operation: opRun, a: hour + 5*second}))
	if len(c.packets) != 0 || c.number != hour+5*second || c.deadline != hour+7*second {
		t.Errorf("stopped at %d, deadline %d", c.number, c.deadline)
	}
}

func TestASYNToNobodyIsRefused(t *testing.T) {
	p := newTester(t, 4, 1)
	p.inject(segment{flags: header.TCPFlagSyn, from: peerPort, to: 81, seq: 77})
	if reset := p.wantOne(flagsRSTACK); reset.ack != 78 || reset.seq != 0 {
		t.Errorf("answered %+v", reset)
	}
}

func TestSendTakesWhatTheBufferHolds(t *testing.T) {
	c := newTester(t, 4, 1).establish()
	c.want(resultOK, c.call(opSetOption, 8192, 0, "SO_SNDBUF"))
	c.want(resultOK, c.call(opGetOption, 0, 0, "SO_SNDBUF"))
	if c.number != 16384 {
		t.Errorf("SO_SNDBUF is %d", c.number)
	}
	much := strings.Repeat("x", 100000)
	taken := c.call(opSend, 0, 0, much)
	if taken < 8192 || taken >= int64(len(much)) {
		t.Fatalf("%d octets were taken", taken)
	}
	for _, sent := range c.packets {
		c.ack += uint32(len(sent.payload))
	}
	c.want(resultAgain, c.call(opSend, 0, 0, much))
	c.send(flagsACK, "")
	if again := c.call(opSend, 0, 0, much); again <= 0 {
		t.Errorf("after an acknowledgement: %d", again)
	}
}

func TestCloseWaitsAsLongAsSOLingerSays(t *testing.T) {
	c := newTester(t, 4, 1).establish()
	c.want(resultOK, c.call(opSetOption, 5, 0, "SO_LINGER"))
	c.want(resultAgain, c.call(opClose, 0, 0, ""))
	c.wantOne(flagsFINACK)
	for c.deadline < hour+5*second {
		c.want(resultOK, c.call(opAdvance, c.deadline, 0, ""))
		c.want(resultAgain, c.call(opClose, 0, 0, ""))
	}
	c.want(resultOK, c.call(opAdvance, hour+5*second, 0, ""))
	c.want(resultOK, c.call(opClose, 0, 0, ""))
	c.want(resultBadSocket, c.call(opClose, 0, 0, ""))
}

func TestAbortSendsAReset(t *testing.T) {
	c := newTester(t, 4, 1).establish()
	c.want(resultOK, c.call(opAbort, 0, 0, ""))
	if reset := c.wantOne(flagsRSTACK); reset.seq != c.ack {
		t.Errorf("sent %+v", reset)
	}
	if c.deadline != never {
		t.Errorf("deadline %d", c.deadline)
	}
}

func TestDestroyEndsAStackInAnyStateWithoutAWord(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, prepare := range []func(p *tester){
		func(p *tester) {},
		func(p *tester) { p.listen(80) },
		func(p *tester) { p.do(request{operation: opOpen}) },
		func(p *tester) { p.establish() },
		func(p *tester) { p.establish().call(opShutdown, directionWrite, 0, "") },
		func(p *tester) { p.establish().call(opClose, 0, 0, "") },
		func(p *tester) { p.establish().send(flagsFINACK, "") },
		func(p *tester) {
			p.listen(80)
			p.inject(segment{flags: header.TCPFlagSyn, from: peerPort, to: 80, seq: 77})
		},
		func(p *tester) {
			socket := int32(p.do(request{operation: opOpen}))
			p.do(request{operation: opConnect, socket: socket, b: 7, data: peer4})
		},
	} {
		p := newTester(t, 4, 1)
		prepare(p)
		p.want(resultOK, p.do(request{operation: opDestroy}))
		if len(p.packets) != 0 || p.deadline != never {
			t.Errorf("at its end: %+v, deadline %d", p.packets, p.deadline)
		}
		p.want(resultInvalid, p.do(request{operation: opOpen}))
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines are left of stacks that ended", after-before)
	}
}

func TestOneNameOfAnOptionServesBothFamilies(t *testing.T) {
	for _, family := range []uint8{4, 6} {
		c := newTester(t, family, 1).establish()
		for _, name := range []string{"IP_TTL", "IP_TOS", "TCP_KEEPIDLE", "TCP_USER_TIMEOUT", "SO_LINGER", "SO_KEEPALIVE"} {
			c.want(resultOK, c.call(opSetOption, 40, 0, name))
			c.want(resultOK, c.call(opGetOption, 0, 0, name))
			want := int64(40)
			if name == "SO_KEEPALIVE" {
				want = 1
			}
			if c.number != want {
				t.Errorf("IPv%d: %s is %d, want %d", family, name, c.number, want)
			}
		}
	}
}

func TestWhatIsAskedForInVain(t *testing.T) {
	p := newTester(t, 4, 1)
	p.want(resultInvalid, p.do(request{operation: opCreate, data: encodeConfiguration(p.config)}))
	p.want(resultUnsupported, p.do(request{operation: opRun + 1}))
	p.want(resultBadSocket, p.do(request{operation: opSend, socket: 9}))
	socket := int32(p.do(request{operation: opOpen}))
	p.want(resultUnsupported, p.do(request{operation: opSetOption, socket: socket, data: []byte("SO_NONSENSE")}))
	p.want(resultUnsupported, p.do(request{operation: opSend, socket: socket, a: flagUrgent, data: []byte("!")}))
	p.want(resultInvalid, p.do(request{operation: opSetOption, socket: socket, a: 0, data: []byte("TCP_KEEPIDLE")}))
	p.want(resultInvalid, p.do(request{operation: opHello, a: adapterABI + 1}))

	p.want(resultOK, p.do(request{operation: opDestroy}))
	p.config.params = "sack=perhaps"
	p.want(resultInvalid, p.do(request{operation: opCreate, data: encodeConfiguration(p.config)}))
	if !strings.Contains(p.logged, "sack=perhaps") {
		t.Errorf("logged %q", p.logged)
	}
}
