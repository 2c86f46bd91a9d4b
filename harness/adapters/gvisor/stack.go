package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"gvisor.dev/gvisor/pkg/bufferv2"
	"gvisor.dev/gvisor/pkg/rand"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const theNIC = tcpip.NICID(1)

// netstack is one stack with its clock, its link and its sockets.
type netstack struct {
	clock   *virtualClock
	link    *link
	stack   *stack.Stack
	network tcpip.NetworkProtocolNumber
	sockets map[int32]*socket
	opened  int32
}

func newNetstack(config configuration, out func(datagram []byte)) (*netstack, error) {
	random := &randomness{state: config.seed}
	rand.Reader = random // the IP layer takes the key of its datagram numbers from there
	s := &netstack{
		clock:   &virtualClock{now: config.now},
		link:    &link{mtu: config.mtu, out: out},
		network: ipv4.ProtocolNumber,
		sockets: map[int32]*socket{},
	}
	network, everywhere := stack.NetworkProtocolFactory(ipv4.NewProtocol), header.IPv4EmptySubnet
	if config.family == 6 {
		s.network = ipv6.ProtocolNumber
		network, everywhere = ipv6.NewProtocol, header.IPv6EmptySubnet
	}
	s.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{network},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
		Clock:              s.clock,
		RandSource:         random,
		SecureRNG:          random,
	})
	if err := s.stack.CreateNIC(theNIC, s.link); err != nil {
		return nil, fmt.Errorf("no interface: %v", err)
	}
	address := tcpip.ProtocolAddress{Protocol: s.network, AddressWithPrefix: tcpip.AddressWithPrefix{
		Address: tcpip.Address(config.local), PrefixLen: config.prefix}}
	if err := s.stack.AddProtocolAddress(theNIC, address, stack.AddressProperties{}); err != nil {
		return nil, fmt.Errorf("no address: %v", err)
	}
	s.stack.SetRouteTable([]tcpip.Route{{Destination: everywhere, NIC: theNIC}})
	return s, s.configure(config.params)
}

// configure sets what gVisor itself sets where it runs programs on netstack, and lifts the limits on
// what is sent in answer to bad packets, as is done on all targets: tests want each answer.
func (s *netstack) configure(params string) error {
	sack := tcpip.TCPSACKEnabled(true)
	congestion := tcpip.CongestionControlOption("reno")
	invalidRateLimit := stack.TCPInvalidRateLimitOption(0)
	for _, param := range strings.Fields(params) {
		key, value, _ := strings.Cut(param, "=")
		milliseconds, err := strconv.ParseUint(value, 10, 31)
		switch {
		case key == "sack" && (value == "on" || value == "off"):
			sack = value == "on"
		case key == "congestion":
			congestion = tcpip.CongestionControlOption(value)
		case key == "tcp_invalid_ratelimit" && err == nil:
			invalidRateLimit = stack.TCPInvalidRateLimitOption(time.Duration(milliseconds) * time.Millisecond)
		default:
			return fmt.Errorf("params: %q is none of sack=on, sack=off, congestion=reno, congestion=cubic, "+
				"tcp_invalid_ratelimit=500 (ms)", param)
		}
	}
	nagle := tcpip.TCPDelayEnabled(true)
	tuning := tcpip.TCPModerateReceiveBufferOption(true)
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &congestion, &nagle, &tuning} {
		if err := s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return fmt.Errorf("option %T: %v", option, err)
		}
	}
	s.stack.SetICMPLimit(rate.Inf)
	if err := s.stack.SetOption(invalidRateLimit); err != nil {
		return fmt.Errorf("rate limit of challenge ACKs: %v", err)
	}
	return nil
}

func (s *netstack) destroy() {
	s.link.shut()
	s.stack.Destroy()
}

func (s *netstack) input(datagram []byte) int64 {
	protocol, ok := protocolOf(datagram)
	if !ok {
		return resultOK // no IP stack would be asked
	}
	packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: bufferv2.MakeWithData(datagram)})
	s.link.deliver(protocol, packet)
	packet.DecRef()
	s.settle()
	return resultOK
}

func protocolOf(datagram []byte) (tcpip.NetworkProtocolNumber, bool) {
	switch header.IPVersion(datagram) {
	case header.IPv4Version:
		return ipv4.ProtocolNumber, true
	case header.IPv6Version:
		return ipv6.ProtocolNumber, true
	}
	return 0, false
}

func (s *netstack) advance(now int64) int64 {
	s.runTimers(now)
	s.clock.moveTo(now)
	return resultOK
}

// run is an advance that stops at the first instant at which something was sent, and returns it.
func (s *netstack) run(limit int64) int64 {
	sent := s.link.sent
	for due := s.clock.deadline(); due != never && due <= limit; due = s.clock.deadline() {
		s.runTimers(due)
		if s.link.sent != sent {
			return s.clock.time()
		}
	}
	s.clock.moveTo(limit)
	return s.clock.time()
}

// settle waits until everything has happened that the last call brought about. Segments are worked
// on by a goroutine of netstack's, which agrees to a pause only when its queue is empty.
func (s *netstack) settle() {
	s.stack.Pause()
	s.stack.Resume()
	s.runTimers(s.clock.time())
}

func (s *netstack) runTimers(by int64) {
	for timer := s.clock.takeDue(by); timer != nil; timer = s.clock.takeDue(by) {
		timer.run()
		s.stack.Pause()
		s.stack.Resume()
	}
}

// link is the stack's only link: IP datagrams without a link layer. Unlike netstack's channel
// endpoint it loses nothing, however much is sent at once.
type link struct {
	mtu        uint32
	mu         sync.Mutex
	out        func(datagram []byte) // nil: shut
	sent       uint64
	dispatcher stack.NetworkDispatcher
}

var _ stack.LinkEndpoint = (*link)(nil)

func (l *link) deliver(protocol tcpip.NetworkProtocolNumber, packet stack.PacketBufferPtr) {
	l.dispatcher.DeliverNetworkPacket(protocol, packet)
}

func (l *link) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = nil
}

func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, packet := range packets.AsSlice() {
		if l.out != nil {
			view := packet.ToView()
			l.out(view.AsSlice())
			view.Release()
			l.sent++
		}
	}
	return packets.Len(), nil
}

func (l *link) MTU() uint32                                { return l.mtu }
func (*link) MaxHeaderLength() uint16                      { return 0 }
func (*link) LinkAddress() tcpip.LinkAddress               { return "" }
func (*link) Capabilities() stack.LinkEndpointCapabilities { return 0 }
func (l *link) Attach(dispatcher stack.NetworkDispatcher)  { l.dispatcher = dispatcher }
func (l *link) IsAttached() bool                           { return l.dispatcher != nil }
func (*link) Wait()                                        {}
func (*link) ARPHardwareType() header.ARPHardwareType      { return header.ARPHardwareNone }
func (*link) AddHeader(stack.PacketBufferPtr)              {}
