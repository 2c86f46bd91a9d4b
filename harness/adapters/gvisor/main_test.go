package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const panicVariable = "TCPSPEC_TEST_OF_PANIC"

// The test program runs itself, to die.
func TestAPanicEndsTheProgramAndSaysWhere(t *testing.T) {
	if os.Getenv(panicVariable) != "" {
		defer tellOfPanic()
		(*netstack)(nil).settle()
	}
	var said bytes.Buffer
	program := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	program.Env = append(os.Environ(), panicVariable+"=1")
	program.Stderr = &said
	var exit *exec.ExitError
	if err := program.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitStatusOfPanic {
		t.Fatalf("it ended with %v, and said %q", err, said.String())
	}
	text := said.String()
	if !strings.HasPrefix(text, "panic: ") || !strings.Contains(text, ".(*netstack).settle (stack.go:") ||
		strings.Contains(text, "0x") {
		t.Errorf("it said %q", text)
	}
}

func TestServeEndsWhenTheTesterGoesAway(t *testing.T) {
	var replies bytes.Buffer
	hello := encode(request{operation: opHello, a: adapterABI})
	if err := serve(tape{bytes.NewReader(hello), &replies}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: gvisor\n", "version: ", "capabilities: listen ", " virtual-time\n"} {
		if !strings.Contains(replies.String(), want) {
			t.Errorf("HELLO is answered by %q, without %q", replies.String(), want)
		}
	}
}

// tape is a tester whose requests are known beforehand.
type tape struct {
	requests *bytes.Reader
	replies  *bytes.Buffer
}

func (t tape) Read(into []byte) (int, error)    { return t.requests.Read(into) }
func (t tape) Write(octets []byte) (int, error) { return t.replies.Write(octets) }
