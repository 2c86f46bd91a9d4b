package main

import (
	"math"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
)

// An option of the sockets interface on an endpoint of netstack. set or get may be nil: the
// stack does not have it.
type option struct {
	set func(endpoint tcpip.Endpoint, value int64) int64
	get func(endpoint tcpip.Endpoint) (int64, tcpip.Error)
}

// Names, units and limits are those of gVisor's setsockopt(2) and getsockopt(2). Not here is what
// netstack takes and then does not heed: TCP_SYNCNT, TCP_WINDOW_CLAMP, TCP_QUICKACK, SO_RCVLOWAT ...
var options = map[string]option{
	"TCP_NODELAY": {
		set: flagSetter(func(o *tcpip.SocketOptions, on bool) { o.SetDelayOption(!on) }),
		get: flagGetter(func(o *tcpip.SocketOptions) bool { return !o.GetDelayOption() }),
	},
	"TCP_CORK":          {set: flagSetter((*tcpip.SocketOptions).SetCorkOption), get: flagGetter((*tcpip.SocketOptions).GetCorkOption)},
	"SO_KEEPALIVE":      {set: flagSetter((*tcpip.SocketOptions).SetKeepAlive), get: flagGetter((*tcpip.SocketOptions).GetKeepAlive)},
	"SO_REUSEADDR":      {set: flagSetter((*tcpip.SocketOptions).SetReuseAddress), get: flagGetter((*tcpip.SocketOptions).GetReuseAddress)},
	"SO_REUSEPORT":      {set: flagSetter((*tcpip.SocketOptions).SetReusePort), get: flagGetter((*tcpip.SocketOptions).GetReusePort)},
	"SO_RCVBUF":         {set: setReceiveBuffer, get: getReceiveBuffer},
	"SO_SNDBUF":         {set: setSendBuffer, get: getSendBuffer},
	"SO_LINGER":         {set: setLinger, get: getLinger},
	"SO_ERROR":          {get: func(e tcpip.Endpoint) (int64, tcpip.Error) { return resultOf(e.LastError()), nil }},
	"SIOCINQ":           {get: numberGetter(tcpip.ReceiveQueueSizeOption)},
	"TCP_MAXSEG":        {set: numberSetter(tcpip.MaxSegOption, 0, math.MaxUint16), get: numberGetter(tcpip.MaxSegOption)},
	"TCP_KEEPCNT":       {set: numberSetter(tcpip.KeepaliveCountOption, 1, 127), get: numberGetter(tcpip.KeepaliveCountOption)},
	"IP_MTU_DISCOVER":   {set: numberSetter(tcpip.MTUDiscoverOption, 0, 5), get: numberGetter(tcpip.MTUDiscoverOption)},
	"TCP_KEEPIDLE":      durationOption[tcpip.KeepaliveIdleOption](time.Second, 1, 32767),
	"TCP_KEEPINTVL":     durationOption[tcpip.KeepaliveIntervalOption](time.Second, 1, 32767),
	"TCP_USER_TIMEOUT":  durationOption[tcpip.TCPUserTimeoutOption](time.Millisecond, 0, math.MaxInt32),
	"TCP_LINGER2":       durationOption[tcpip.TCPLingerTimeoutOption](time.Second, -1, math.MaxInt32),
	"TCP_DEFER_ACCEPT":  durationOption[tcpip.TCPDeferAcceptOption](time.Second, 0, math.MaxInt32),
	"tcpi_rto":          {get: infoGetter(func(i *tcpip.TCPInfoOption) int64 { return i.RTO.Microseconds() })},
	"tcpi_rtt":          {get: infoGetter(func(i *tcpip.TCPInfoOption) int64 { return i.RTT.Microseconds() })},
	"tcpi_rttvar":       {get: infoGetter(func(i *tcpip.TCPInfoOption) int64 { return i.RTTVar.Microseconds() })},
	"tcpi_snd_cwnd":     {get: infoGetter(func(i *tcpip.TCPInfoOption) int64 { return int64(i.SndCwnd) })},
	"tcpi_snd_ssthresh": {get: infoGetter(func(i *tcpip.TCPInfoOption) int64 { return int64(i.SndSsthresh) })},
}

// What IPv4 and IPv6 call differently: a test that is played on both has one name for it.
var options4 = map[string]option{
	"IP_TOS": {set: numberSetter(tcpip.IPv4TOSOption, 0, 255), get: numberGetter(tcpip.IPv4TOSOption)},
	"IP_TTL": {set: numberSetter(tcpip.IPv4TTLOption, 1, 255), get: numberGetter(tcpip.IPv4TTLOption)},
}

var options6 = map[string]option{
	"IP_TOS": {set: numberSetter(tcpip.IPv6TrafficClassOption, 0, 255), get: numberGetter(tcpip.IPv6TrafficClassOption)},
	"IP_TTL": {set: numberSetter(tcpip.IPv6HopLimitOption, -1, 255), get: numberGetter(tcpip.IPv6HopLimitOption)},
}

var nameInBoth = map[string]string{
	"IP_TOS": "IP_TOS", "IPV6_TCLASS": "IP_TOS",
	"IP_TTL": "IP_TTL", "IPV6_UNICAST_HOPS": "IP_TTL",
}

func (s *netstack) findOption(name string) option {
	if s.network == ipv6.ProtocolNumber {
		if found, ok := options6[nameInBoth[name]]; ok {
			return found
		}
	}
	if found, ok := options4[nameInBoth[name]]; ok {
		return found
	}
	return options[name]
}

func (s *netstack) setOption(k *socket, name string, value int64) int64 {
	option := s.findOption(name)
	if option.set == nil {
		return resultUnsupported
	}
	result := option.set(k.endpoint, value)
	s.settle()
	return result
}

func (s *netstack) getOption(k *socket, name string) (int64, int64) {
	option := s.findOption(name)
	if option.get == nil {
		return 0, resultUnsupported
	}
	value, err := option.get(k.endpoint)
	return value, resultOf(err)
}

func flagSetter(set func(*tcpip.SocketOptions, bool)) func(tcpip.Endpoint, int64) int64 {
	return func(endpoint tcpip.Endpoint, value int64) int64 {
		set(endpoint.SocketOptions(), value != 0)
		return resultOK
	}
}

func flagGetter(get func(*tcpip.SocketOptions) bool) func(tcpip.Endpoint) (int64, tcpip.Error) {
	return func(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
		if get(endpoint.SocketOptions()) {
			return 1, nil
		}
		return 0, nil
	}
}

func numberSetter(name tcpip.SockOptInt, least, most int64) func(tcpip.Endpoint, int64) int64 {
	return func(endpoint tcpip.Endpoint, value int64) int64 {
		if value < least || value > most {
			return resultInvalid
		}
		return resultOf(endpoint.SetSockOptInt(name, int(value)))
	}
}

func numberGetter(name tcpip.SockOptInt) func(tcpip.Endpoint) (int64, tcpip.Error) {
	return func(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
		value, err := endpoint.GetSockOptInt(name)
		return int64(value), err
	}
}

// durationOption is an option whose value netstack keeps as a time.Duration of a type of its own.
func durationOption[Named ~int64, Pointer interface {
	*Named
	tcpip.SettableSocketOption
	tcpip.GettableSocketOption
}](unit time.Duration, least, most int64) option {
	return option{
		set: func(endpoint tcpip.Endpoint, value int64) int64 {
			if value < least || value > most {
				return resultInvalid
			}
			duration := Named(value * int64(unit))
			return resultOf(endpoint.SetSockOpt(Pointer(&duration)))
		},
		get: func(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
			var duration Named
			err := endpoint.GetSockOpt(Pointer(&duration))
			return int64(duration) / int64(unit), err
		},
	}
}

func infoGetter(field func(*tcpip.TCPInfoOption) int64) func(tcpip.Endpoint) (int64, tcpip.Error) {
	return func(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
		var info tcpip.TCPInfoOption
		err := endpoint.GetSockOpt(&info)
		return field(&info), err
	}
}

// bufferSize is what gVisor makes of SO_RCVBUF and SO_SNDBUF: twice as much, for the overhead of
// segments; half of a receive buffer is window.
func bufferSize(value, least, most int64) int64 {
	if value > most {
		value = most
	}
	if value *= 2; value < least {
		return least
	}
	return value
}

func setReceiveBuffer(endpoint tcpip.Endpoint, value int64) int64 {
	if value < 0 {
		return resultInvalid
	}
	least, most := endpoint.SocketOptions().ReceiveBufferLimits()
	endpoint.SocketOptions().SetReceiveBufferSize(bufferSize(value, least, most), true)
	return resultOK
}

func getReceiveBuffer(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
	return endpoint.SocketOptions().GetReceiveBufferSize(), nil
}

func setSendBuffer(endpoint tcpip.Endpoint, value int64) int64 {
	if value < 0 {
		return resultInvalid
	}
	least, most := endpoint.SocketOptions().SendBufferLimits()
	endpoint.SocketOptions().SetSendBufferSize(bufferSize(value, least, most), true)
	return resultOK
}

func getSendBuffer(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
	return endpoint.SocketOptions().GetSendBufferSize(), nil
}

func setLinger(endpoint tcpip.Endpoint, seconds int64) int64 {
	if seconds > math.MaxInt32 {
		return resultInvalid
	}
	linger := tcpip.LingerOption{Enabled: seconds >= 0}
	if linger.Enabled {
		linger.Timeout = time.Duration(seconds) * time.Second
	}
	endpoint.SocketOptions().SetLinger(linger)
	return resultOK
}

func getLinger(endpoint tcpip.Endpoint) (int64, tcpip.Error) {
	linger := endpoint.SocketOptions().GetLinger()
	if !linger.Enabled {
		return -1, nil
	}
	return int64(linger.Timeout / time.Second), nil
}
