package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The operations and items of adapter_messages.h, by its names.
const (
	opHello      = 1
	opCreate     = 2
	opDestroy    = 3
	opInput      = 4
	opAdvance    = 5
	opOpen       = 6
	opListen     = 7
	opConnect    = 8
	opConnected  = 9
	opAccept     = 10
	opLocalPort  = 11
	opSend       = 12
	opReceive    = 13
	opShutdown   = 14
	opClose      = 15
	opAbort      = 16
	opSetOption  = 17
	opGetOption  = 18
	opState      = 19
	opRun        = 20
	messageReply = 0
	itemPacket   = 1
	itemData     = 2
	itemNumber   = 3
	itemLog      = 4

	messageMostOctets = 268435456
)

const (
	lengthOctets        = 4
	requestHeaderOctets = 1 + 4 + 8 + 8
	replyHeaderOctets   = lengthOctets + 1 + 8 + 8
	itemHeaderOctets    = 1 + 4
	addressOctets       = 16
	createFixedOctets   = 1 + 1 + 2 + 2*addressOctets + 8 + 8
)

type request struct {
	operation uint8
	socket    int32
	a, b      int64
	data      []byte // valid until the next request is read
}

// requestReader reads requests from the tester; io.EOF between two of them is its end.
type requestReader struct {
	from *bufio.Reader
	body []byte
}

func newRequestReader(from io.Reader) *requestReader {
	return &requestReader{from: bufio.NewReaderSize(from, 1<<16)}
}

func (r *requestReader) read() (request, error) {
	var length [lengthOctets]byte
	if _, err := io.ReadFull(r.from, length[:]); err != nil {
		return request{}, err
	}
	octets := binary.BigEndian.Uint32(length[:])
	if octets < requestHeaderOctets || octets > messageMostOctets {
		return request{}, fmt.Errorf("a request of %d octets", octets)
	}
	if cap(r.body) < int(octets) {
		r.body = make([]byte, octets)
	}
	body := r.body[:octets]
	if _, err := io.ReadFull(r.from, body); err != nil {
		return request{}, fmt.Errorf("a request ends early: %w", err)
	}
	return request{
		operation: body[0],
		socket:    int32(binary.BigEndian.Uint32(body[1:])),
		a:         int64(binary.BigEndian.Uint64(body[5:])),
		b:         int64(binary.BigEndian.Uint64(body[13:])),
		data:      body[requestHeaderOctets:],
	}, nil
}

// reply is the message that is being written. Items come first in time, result and deadline last.
type reply struct {
	octets []byte
}

func (r *reply) begin() {
	r.octets = append(r.octets[:0], make([]byte, replyHeaderOctets)...)
	r.octets[lengthOctets] = messageReply
}

func (r *reply) item(kind uint8, parts ...[]byte) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	r.octets = append(r.octets, kind)
	r.octets = binary.BigEndian.AppendUint32(r.octets, uint32(size))
	for _, part := range parts {
		r.octets = append(r.octets, part...)
	}
}

func (r *reply) number(value int64) {
	var eight [8]byte
	binary.BigEndian.PutUint64(eight[:], uint64(value))
	r.item(itemNumber, eight[:])
}

func (r *reply) log(line string) { r.item(itemLog, []byte(line)) }

func (r *reply) finish(result, deadline int64) []byte {
	binary.BigEndian.PutUint32(r.octets, uint32(len(r.octets)-lengthOctets))
	binary.BigEndian.PutUint64(r.octets[lengthOctets+1:], uint64(result))
	binary.BigEndian.PutUint64(r.octets[lengthOctets+9:], uint64(deadline))
	return r.octets
}

// configuration is tcpspec_config, as CREATE carries it.
type configuration struct {
	family      uint8
	prefix      int
	mtu         uint32
	local, peer []byte // 4 or 16 octets
	now         int64
	seed        uint64
	params      string
}

func parseConfiguration(data []byte) (configuration, bool) {
	if len(data) < createFixedOctets {
		return configuration{}, false
	}
	family, octets := data[0], 4
	if family == 6 {
		octets = addressOctets
	}
	addresses := data[4:]
	rest := addresses[2*addressOctets:]
	return configuration{
		family: family,
		prefix: int(data[1]),
		mtu:    uint32(binary.BigEndian.Uint16(data[2:])),
		local:  append([]byte(nil), addresses[:octets]...),
		peer:   append([]byte(nil), addresses[addressOctets:addressOctets+octets]...),
		now:    int64(binary.BigEndian.Uint64(rest)),
		seed:   binary.BigEndian.Uint64(rest[8:]),
		params: string(rest[16:]),
	}, family == 4 || family == 6
}
