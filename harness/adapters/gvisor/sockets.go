package main

import (
	"bytes"
	"math"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// TCPSPEC_URGENT, TCPSPEC_READ and TCPSPEC_WRITE of adapter.h.
const (
	flagUrgent     = 1
	directionRead  = 1
	directionWrite = 2
)

// The most that one receive() copies; the tester asks again.
const receiveMostOctets = 1 << 20

type socket struct {
	endpoint  tcpip.Endpoint
	closing   bool
	lingering tcpip.Timer // runs while close() waits (SO_LINGER); nil: close() does not wait
}

func (s *netstack) add(endpoint tcpip.Endpoint) int64 {
	s.sockets[s.opened] = &socket{endpoint: endpoint}
	s.opened++
	return int64(s.opened - 1)
}

func (s *netstack) open() int64 {
	endpoint, err := s.stack.NewEndpoint(tcp.ProtocolNumber, s.network, &waiter.Queue{})
	if err != nil {
		return resultOf(err)
	}
	endpoint.SocketOptions().SetV6Only(s.network != tcpip.NetworkProtocolNumber(0x0800))
	return s.add(endpoint)
}

func stateOf(k *socket) tcp.EndpointState { return tcp.EndpointState(k.endpoint.State()) }

// bind is meant for tests, which use a port again before TIME-WAIT is over.
func bind(k *socket, port int64) tcpip.Error {
	if port < 0 || port > math.MaxUint16 {
		return &tcpip.ErrBadAddress{}
	}
	k.endpoint.SocketOptions().SetReuseAddress(true)
	return k.endpoint.Bind(tcpip.FullAddress{Port: uint16(port)})
}

// The queue of netstack holds one more than the backlog; gVisor's listen(2) adds it.
func (s *netstack) listen(k *socket, port, backlog int64) int64 {
	if stateOf(k) != tcp.StateListen {
		if err := bind(k, port); err != nil {
			return resultOf(err)
		}
	}
	if backlog < 0 || backlog > math.MaxUint16 {
		backlog = math.MaxUint16
	}
	result := resultOf(k.endpoint.Listen(int(backlog) + 1))
	s.settle()
	return result
}

func (s *netstack) connect(k *socket, localPort, remotePort int64, remote []byte) int64 {
	if remotePort < 0 || remotePort > math.MaxUint16 {
		return resultInvalid
	}
	if localPort != 0 {
		if err := bind(k, localPort); err != nil {
			return resultOf(err)
		}
	}
	err := k.endpoint.Connect(tcpip.FullAddress{NIC: theNIC, Addr: tcpip.Address(remote), Port: uint16(remotePort)})
	s.settle()
	if _, started := err.(*tcpip.ErrConnectStarted); started {
		return resultOK
	}
	return resultOf(err)
}

func (s *netstack) connected(k *socket) int64 {
	switch stateOf(k) {
	case tcp.StateConnecting, tcp.StateSynSent, tcp.StateSynRecv:
		return resultAgain
	case tcp.StateInitial, tcp.StateBound, tcp.StateListen:
		return resultNotConnected
	case tcp.StateError:
		if err := k.endpoint.LastError(); err != nil {
			return resultOf(err)
		}
		return resultAborted
	}
	return resultOK
}

func (s *netstack) accept(listener *socket) int64 {
	endpoint, _, err := listener.endpoint.Accept(nil)
	if err != nil {
		return resultOf(err)
	}
	s.settle()
	return s.add(endpoint)
}

func (s *netstack) localPort(k *socket) int64 {
	address, err := k.endpoint.GetLocalAddress()
	if err != nil {
		return resultOf(err)
	}
	if address.Port == 0 {
		return resultNotConnected
	}
	return int64(address.Port)
}

func (s *netstack) send(k *socket, octets []byte, flags int64) int64 {
	if flags&flagUrgent != 0 {
		return resultUnsupported
	}
	taken, err := k.endpoint.Write(bytes.NewReader(octets), tcpip.WriteOptions{})
	s.settle()
	if err != nil {
		return resultOf(err)
	}
	return taken
}

func (s *netstack) receive(k *socket, octets, flags int64, into func([]byte)) int64 {
	if flags&flagUrgent != 0 {
		return resultUnsupported
	}
	if octets <= 0 {
		return resultInvalid
	}
	if octets > receiveMostOctets {
		octets = receiveMostOctets
	}
	buffer := make([]byte, octets)
	writer := tcpip.SliceWriter(buffer)
	got, err := k.endpoint.Read(&writer, tcpip.ReadOptions{})
	if _, ended := err.(*tcpip.ErrClosedForReceive); ended {
		return 0
	}
	if err != nil {
		return resultOf(err)
	}
	k.endpoint.ModerateRecvBuf(got.Count)
	s.settle()
	into(buffer[:got.Count])
	return int64(got.Count)
}

func (s *netstack) shutdown(k *socket, direction int64) int64 {
	var flags tcpip.ShutdownFlags
	if direction&directionRead != 0 {
		flags |= tcpip.ShutdownRead
	}
	if direction&directionWrite != 0 {
		flags |= tcpip.ShutdownWrite
	}
	result := resultOf(k.endpoint.Shutdown(flags))
	s.settle()
	return result
}

// close does what gVisor's close(2) does: it returns when the FIN is acknowledged, or
// the time of SO_LINGER is over.
func (s *netstack) close(id int32, k *socket) int64 {
	if !k.closing {
		k.closing = true
		linger := k.endpoint.SocketOptions().GetLinger()
		k.endpoint.Close()
		if linger.Enabled && linger.Timeout > 0 {
			k.lingering = s.clock.AfterFunc(linger.Timeout, func() { k.lingering = nil })
		}
		s.settle()
	}
	if k.lingering != nil {
		switch stateOf(k) {
		case tcp.StateFinWait1, tcp.StateClosing, tcp.StateLastAck:
			return resultAgain
		}
		k.lingering.Stop()
	}
	delete(s.sockets, id)
	return resultOK
}

// abort is linger 0 and close, as an application does it: Endpoint.Abort() is the stack's own end.
func (s *netstack) abort(id int32, k *socket) int64 {
	k.endpoint.SocketOptions().SetLinger(tcpip.LingerOption{Enabled: true, Timeout: time.Duration(0)})
	k.endpoint.Close()
	s.settle()
	delete(s.sockets, id)
	return resultOK
}

// TCPSPEC_CLOSED ... TCPSPEC_TIME_WAIT of adapter.h.
const (
	stateClosed = iota
	stateListen
	stateSynSent
	stateSynReceived
	stateEstablished
	stateFinWait1
	stateFinWait2
	stateCloseWait
	stateClosing
	stateLastAck
	stateTimeWait
)

func (s *netstack) state(k *socket) int64 {
	switch stateOf(k) {
	case tcp.StateListen:
		return stateListen
	case tcp.StateConnecting, tcp.StateSynSent:
		return stateSynSent
	case tcp.StateSynRecv:
		return stateSynReceived
	case tcp.StateEstablished:
		return stateEstablished
	case tcp.StateFinWait1:
		return stateFinWait1
	case tcp.StateFinWait2:
		return stateFinWait2
	case tcp.StateCloseWait:
		return stateCloseWait
	case tcp.StateClosing:
		return stateClosing
	case tcp.StateLastAck:
		return stateLastAck
	case tcp.StateTimeWait:
		return stateTimeWait
	}
	return stateClosed
}
