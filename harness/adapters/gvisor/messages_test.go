package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The numbers stand in the headers of tcpspec; this file repeats them, so that they are compared.
func TestNumbersAreThoseOfTheHeaders(t *testing.T) {
	headers := constantsOf(t, "../../target/adapter_messages.h", "../../target/adapter.h")
	mine := map[string]int64{
		"OP_HELLO": opHello, "OP_CREATE": opCreate, "OP_DESTROY": opDestroy, "OP_INPUT": opInput,
		"OP_ADVANCE": opAdvance, "OP_OPEN": opOpen, "OP_LISTEN": opListen, "OP_CONNECT": opConnect,
		"OP_CONNECTED": opConnected, "OP_ACCEPT": opAccept, "OP_LOCAL_PORT": opLocalPort, "OP_SEND": opSend,
		"OP_RECEIVE": opReceive, "OP_SHUTDOWN": opShutdown, "OP_CLOSE": opClose, "OP_ABORT": opAbort,
		"OP_SET_OPTION": opSetOption, "OP_GET_OPTION": opGetOption, "OP_STATE": opState, "OP_RUN": opRun,
		"REPLY": messageReply, "ITEM_PACKET": itemPacket, "ITEM_DATA": itemData, "ITEM_NUMBER": itemNumber,
		"ITEM_LOG": itemLog, "MESSAGE_MOST_OCTETS": messageMostOctets, "ADAPTER_ABI": adapterABI,
		"OK": resultOK, "AGAIN": resultAgain, "UNSUPPORTED": resultUnsupported, "INVALID": resultInvalid,
		"NO_RESOURCES": resultNoResources, "BAD_SOCKET": resultBadSocket, "REFUSED": resultRefused,
		"RESET": resultReset, "TIMED_OUT": resultTimedOut, "UNREACHABLE": resultUnreachable,
		"NOT_CONNECTED": resultNotConnected, "IS_CONNECTED": resultIsConnected, "IN_PROGRESS": resultInProgress,
		"BROKEN_PIPE": resultBrokenPipe, "ADDRESS_IN_USE": resultAddressInUse, "ABORTED": resultAborted,
		"FAILED": resultFailed, "URGENT": flagUrgent, "READ": directionRead, "WRITE": directionWrite,
		"CLOSED": stateClosed, "LISTEN": stateListen, "SYN_SENT": stateSynSent, "SYN_RECEIVED": stateSynReceived,
		"ESTABLISHED": stateEstablished, "FIN_WAIT_1": stateFinWait1, "FIN_WAIT_2": stateFinWait2,
		"CLOSE_WAIT": stateCloseWait, "CLOSING": stateClosing, "LAST_ACK": stateLastAck, "TIME_WAIT": stateTimeWait,
	}
	for name, value := range mine {
		if header, found := headers[name]; !found || header != value {
			t.Errorf("TCPSPEC_%s is %d in the header (found: %v), %d here", name, header, found, value)
		}
		delete(headers, name)
	}
	for _, unused := range []string{"NOTICE", "BOTH"} {
		delete(headers, unused)
	}
	for name := range headers {
		t.Errorf("TCPSPEC_%s is not known here", name)
	}
}

// constantsOf reads "TCPSPEC_A = 1, TCPSPEC_B, ..." inside enum { }, and #define TCPSPEC_C 1.
func constantsOf(t *testing.T, files ...string) map[string]int64 {
	t.Helper()
	constants := map[string]int64{}
	comment := regexp.MustCompile(`(?s)/\*.*?\*/`)
	enum := regexp.MustCompile(`(?s)enum \{(.*?)\}`)
	define := regexp.MustCompile(`#define TCPSPEC_(\w+) (\d+)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = comment.ReplaceAll(text, nil)
		for _, found := range define.FindAllSubmatch(text, -1) {
			constants[string(found[1])], _ = strconv.ParseInt(string(found[2]), 10, 64)
		}
		for _, found := range enum.FindAllSubmatch(text, -1) {
			next := int64(0)
			for _, entry := range strings.Split(string(found[1]), ",") {
				name, number, given := strings.Cut(strings.TrimSpace(entry), " = ")
				if given {
					next, _ = strconv.ParseInt(strings.TrimSpace(number), 10, 64)
				}
				constants[strings.TrimPrefix(name, "TCPSPEC_")] = next
				next++
			}
		}
	}
	return constants
}

func encode(q request) []byte {
	octets := binary.BigEndian.AppendUint32(nil, uint32(requestHeaderOctets+len(q.data)))
	octets = append(octets, q.operation)
	octets = binary.BigEndian.AppendUint32(octets, uint32(q.socket))
	octets = binary.BigEndian.AppendUint64(octets, uint64(q.a))
	octets = binary.BigEndian.AppendUint64(octets, uint64(q.b))
	return append(octets, q.data...)
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	first := request{operation: opSend, socket: 7, a: -1, b: 1 << 40, data: []byte("hello")}
	second := request{operation: opClose, socket: -1, a: 3, data: []byte{}}
	reader := newRequestReader(bytes.NewReader(append(encode(first), encode(second)...)))
	for _, want := range []request{first, second} {
		if got, err := reader.read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v (%v), want %+v", got, err, want)
		}
	}
	if _, err := reader.read(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestRequestsOfAWrongLengthAreRefused(t *testing.T) {
	short := encode(request{operation: opOpen})
	short[3]--
	long := binary.BigEndian.AppendUint32(nil, messageMostOctets+1)
	cut := encode(request{operation: opInput, data: []byte("datagram")})
	for name, octets := range map[string][]byte{"short": short, "long": long, "cut": cut[:len(cut)-1], "stub": cut[:2]} {
		if got, err := newRequestReader(bytes.NewReader(octets)).read(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: read %+v (%v)", name, got, err)
		}
	}
}

func TestConfigurationIsReadAsTheHeaderLaysItOut(t *testing.T) {
	data := []byte{6, 64, 0x05, 0xdc}
	local, peer := bytes.Repeat([]byte{0xa}, 16), bytes.Repeat([]byte{0xb}, 16)
	data = append(append(data, local...), peer...)
	data = binary.BigEndian.AppendUint64(data, 1000)
	data = binary.BigEndian.AppendUint64(data, 1<<63)
	data = append(data, "sack=off"...)
	want := configuration{family: 6, prefix: 64, mtu: 1500, local: local, peer: peer, now: 1000, seed: 1 << 63, params: "sack=off"}
	if got, ok := parseConfiguration(data); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v (%v), want %+v", got, ok, want)
	}
	if _, ok := parseConfiguration(data[:createFixedOctets-1]); ok {
		t.Error("took a short one")
	}
	data[0] = 5
	if _, ok := parseConfiguration(data); ok {
		t.Error("took a family that there is not")
	}
}
