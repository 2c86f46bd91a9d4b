package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/seqnum"
)

func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

const (
	second   = int64(1000000000)
	hour     = 3600 * second
	peerPort = 40000
)

var (
	local4 = []byte{10, 0, 0, 1}
	peer4  = []byte{10, 0, 0, 2}
	local6 = []byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	peer6  = []byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
)

// tester is the other side of the messages, and a peer that is written by hand.
type tester struct {
	*testing.T
	adapter  adapter
	config   configuration
	deadline int64
	said     []byte // all replies, one after the other
	packets  []segment
	data     []byte
	number   int64
	logged   string
}

// segment is what the stack sent, or the peer is to send.
type segment struct {
	flags    header.TCPFlags
	from, to uint16
	seq, ack uint32
	window   uint16
	payload  []byte
}

func newTester(t *testing.T, family uint8, seed uint64) *tester {
	p := &tester{T: t, config: configuration{family: family, prefix: 24, mtu: 1500, local: local4, peer: peer4, now: hour, seed: seed}}
	if family == 6 {
		p.config.prefix, p.config.local, p.config.peer = 64, local6, peer6
	}
	p.want(resultOK, p.do(request{operation: opCreate, data: encodeConfiguration(p.config)}))
	return p
}

func encodeConfiguration(c configuration) []byte {
	data := []byte{c.family, uint8(c.prefix)}
	data = binary.BigEndian.AppendUint16(data, uint16(c.mtu))
	data = append(append(data, c.local...), make([]byte, addressOctets-len(c.local))...)
	data = append(append(data, c.peer...), make([]byte, addressOctets-len(c.peer))...)
	data = binary.BigEndian.AppendUint64(data, uint64(c.now))
	data = binary.BigEndian.AppendUint64(data, c.seed)
	return append(data, c.params...)
}

// do sends a request, as octets, and takes its reply apart.
func (p *tester) do(q request) int64 {
	p.Helper()
	parsed, err := newRequestReader(bytes.NewReader(encode(q))).read()
	if err != nil {
		p.Fatal(err)
	}
	message := p.adapter.answer(parsed)
	p.said = append(p.said, message...)
	if int(binary.BigEndian.Uint32(message)) != len(message)-lengthOctets || message[lengthOctets] != messageReply {
		p.Fatalf("reply % x", message)
	}
	p.packets, p.data, p.number, p.logged = nil, nil, 0, ""
	p.deadline = int64(binary.BigEndian.Uint64(message[lengthOctets+9:]))
	for items := message[replyHeaderOctets:]; len(items) > 0; {
		octets := int(binary.BigEndian.Uint32(items[1:]))
		p.take(items[0], items[itemHeaderOctets:itemHeaderOctets+octets])
		items = items[itemHeaderOctets+octets:]
	}
	return int64(binary.BigEndian.Uint64(message[lengthOctets+1:]))
}

func (p *tester) take(kind uint8, content []byte) {
	p.Helper()
	switch kind {
	case itemPacket:
		p.packets = append(p.packets, p.parse(append([]byte(nil), content...)))
	case itemData:
		p.data = append(p.data, content...)
	case itemNumber:
		p.number = int64(binary.BigEndian.Uint64(content))
	case itemLog:
		p.logged += string(content)
	default:
		p.Fatalf("item of kind %d", kind)
	}
}

func (p *tester) parse(datagram []byte) segment {
	p.Helper()
	tcp := header.TCP(datagram[len(datagram):])
	if p.config.family == 4 {
		tcp = header.IPv4(datagram).Payload()
	} else {
		tcp = header.IPv6(datagram).Payload()
	}
	sum := checksum.Checksum(tcp, p.pseudoHeader(p.config.local, p.config.peer, len(tcp)))
	if sum != 0xffff {
		p.Errorf("checksum %04x", sum)
	}
	return segment{flags: tcp.Flags(), from: tcp.SourcePort(), to: tcp.DestinationPort(), seq: tcp.SequenceNumber(),
		ack: tcp.AckNumber(), window: tcp.WindowSize(), payload: tcp.Payload()}
}

func (p *tester) pseudoHeader(from, to []byte, octets int) uint16 {
	return header.PseudoHeaderChecksum(header.TCPProtocolNumber, tcpip.Address(from), tcpip.Address(to), uint16(octets))
}

// inject has the peer send a segment.
func (p *tester) inject(s segment) {
	p.Helper()
	octets := header.TCPMinimumSize + len(s.payload)
	tcp := header.TCP(make([]byte, octets))
	tcp.Encode(&header.TCPFields{SrcPort: s.from, DstPort: s.to, SeqNum: s.seq, AckNum: s.ack,
		DataOffset: header.TCPMinimumSize, Flags: s.flags, WindowSize: s.window})
	copy(tcp[header.TCPMinimumSize:], s.payload)
	sum := p.pseudoHeader(p.config.peer, p.config.local, octets)
	tcp.SetChecksum(^checksum.Checksum(tcp, sum))
	p.want(resultOK, p.do(request{operation: opInput, data: p.datagram(tcp)}))
}

func (p *tester) datagram(tcp []byte) []byte {
	from, to := tcpip.Address(p.config.peer), tcpip.Address(p.config.local)
	if p.config.family == 6 {
		ip := header.IPv6(make([]byte, header.IPv6MinimumSize, header.IPv6MinimumSize+len(tcp)))
		ip.Encode(&header.IPv6Fields{PayloadLength: uint16(len(tcp)), TransportProtocol: header.TCPProtocolNumber,
			HopLimit: 64, SrcAddr: from, DstAddr: to})
		return append(ip, tcp...)
	}
	ip := header.IPv4(make([]byte, header.IPv4MinimumSize, header.IPv4MinimumSize+len(tcp)))
	ip.Encode(&header.IPv4Fields{TotalLength: uint16(cap(ip)), Protocol: uint8(header.TCPProtocolNumber), TTL: 64,
		SrcAddr: from, DstAddr: to})
	ip.SetChecksum(^ip.CalculateChecksum())
	return append(ip, tcp...)
}

func (p *tester) want(want, got int64) {
	p.Helper()
	if got != want {
		p.Fatalf("result %d, want %d %s", got, want, p.logged)
	}
}

// wantOne expects that the last request brought forth one segment.
func (p *tester) wantOne(flags header.TCPFlags) segment {
	p.Helper()
	if len(p.packets) != 1 || p.packets[0].flags != flags {
		p.Fatalf("segments %+v, want one with flags %v", p.packets, flags)
	}
	return p.packets[0]
}

// peer is one connection as the peer sees it.
type peer struct {
	*tester
	socket   int32
	from, to uint16
	seq, ack uint32
}

func (c *peer) send(flags header.TCPFlags, payload string) {
	c.Helper()
	c.inject(segment{flags: flags, from: c.from, to: c.to, seq: c.seq, ack: c.ack, window: 65535, payload: []byte(payload)})
	c.seq = uint32(seqnum.Value(c.seq).Add(seqnum.Size(len(payload))))
	if flags&(header.TCPFlagSyn|header.TCPFlagFin) != 0 {
		c.seq++
	}
}

func (c *peer) call(operation uint8, a, b int64, data string) int64 {
	c.Helper()
	return c.do(request{operation: operation, socket: c.socket, a: a, b: b, data: []byte(data)})
}

func (p *tester) listen(port int64) int32 {
	p.Helper()
	listener := int32(p.do(request{operation: opOpen}))
	p.want(resultOK, p.do(request{operation: opListen, socket: listener, a: port, b: 4}))
	return listener
}

// establish opens a connection to a listener on port 80, and accepts it.
func (p *tester) establish() *peer {
	p.Helper()
	listener := p.listen(80)
	c := &peer{tester: p, from: peerPort, to: 80, seq: 1000}
	c.send(header.TCPFlagSyn, "")
	c.ack = p.wantOne(header.TCPFlagSyn|header.TCPFlagAck).seq + 1
	p.want(resultAgain, p.do(request{operation: opAccept, socket: listener}))
	c.send(header.TCPFlagAck, "")
	c.socket = int32(p.do(request{operation: opAccept, socket: listener}))
	p.want(stateEstablished, c.call(opState, 0, 0, ""))
	return c
}
