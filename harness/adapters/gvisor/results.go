package main

import "gvisor.dev/gvisor/pkg/tcpip"

// What an operation may return beside zero and counts: the numbers of adapter.h.
const (
	resultOK           = 0
	resultAgain        = -1
	resultUnsupported  = -2
	resultInvalid      = -3
	resultNoResources  = -4
	resultBadSocket    = -5
	resultRefused      = -6
	resultReset        = -7
	resultTimedOut     = -8
	resultUnreachable  = -9
	resultNotConnected = -10
	resultIsConnected  = -11
	resultInProgress   = -12
	resultBrokenPipe   = -13
	resultAddressInUse = -14
	resultAborted      = -15
	resultFailed       = -16
)

// resultOf says what netstack's errors mean in the words of the sockets interface. It follows
// gVisor's own table (pkg/syserr) but for ErrAborted, "operation aborted", which is EPIPE there.
func resultOf(err tcpip.Error) int64 {
	switch err.(type) {
	case nil:
		return resultOK
	case *tcpip.ErrWouldBlock:
		return resultAgain
	case *tcpip.ErrNotSupported, *tcpip.ErrUnknownProtocolOption:
		return resultUnsupported
	case *tcpip.ErrAlreadyBound, *tcpip.ErrInvalidEndpointState, *tcpip.ErrInvalidOptionValue, *tcpip.ErrBadAddress,
		*tcpip.ErrBadLocalAddress:
		return resultInvalid
	case *tcpip.ErrNoBufferSpace:
		return resultNoResources
	case *tcpip.ErrConnectionRefused:
		return resultRefused
	case *tcpip.ErrConnectionReset:
		return resultReset
	case *tcpip.ErrTimeout:
		return resultTimedOut
	case *tcpip.ErrHostUnreachable, *tcpip.ErrNetworkUnreachable:
		return resultUnreachable
	case *tcpip.ErrNotConnected:
		return resultNotConnected
	case *tcpip.ErrAlreadyConnected:
		return resultIsConnected
	case *tcpip.ErrAlreadyConnecting:
		return resultInProgress
	case *tcpip.ErrClosedForSend:
		return resultBrokenPipe
	case *tcpip.ErrPortInUse, *tcpip.ErrNoPortAvailable:
		return resultAddressInUse
	case *tcpip.ErrConnectionAborted, *tcpip.ErrAborted:
		return resultAborted
	default:
		return resultFailed
	}
}
