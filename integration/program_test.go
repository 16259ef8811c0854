//go:build integration

package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that a loaded machine does slowly. It is not waited for.
const patience = 2 * time.Minute

// A program is a real one that was started by us. It runs in a process group of its own.
type program struct {
	name string
	log  string // Its output, and that of its children.
	cmd  *exec.Cmd
	done chan struct{} // Closed when it has ended.
	err  error         // How it ended; read after done.
}

// startProgram starts a program and waits until it is ready.
func startProgram(log string, ready func() error, name string, args ...string) (*program, error) {
	return startCommand(log, ready, exec.Command(name, args...))
}

// startCommand is startProgram for one that is to be started in another way than others.
func startCommand(log string, ready func() error, cmd *exec.Cmd) (*program, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() // The child has it.
	p := &program{name: filepath.Base(cmd.Path), log: log, cmd: cmd, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	err = eventually(patience, func() error {
		select {
		case <-p.done:
			return finalError{fmt.Errorf("ended: %w", p.err)}
		default:
			return ready()
		}
	})
	if err != nil {
		_ = p.stop(syscall.SIGKILL)
		return nil, fmt.Errorf("start %s: %w\n%s", p.name, err, p.output())
	}
	return p, nil
}

// output is what the program has written so far.
func (p *program) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// stop sends the program a signal and waits for its end, if it has not ended yet. The error tells of an exit
// status other than 0.
func (p *program) stop(sig syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	return p.wait()
}

// wait waits for the end of a program that was told to stop.
func (p *program) wait() error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(patience):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		return fmt.Errorf("stop %s: it was still there after %v", p.name, patience)
	}
}

// finalError is an error that eventually does not wait to go away.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// eventually asks until there is no error, and returns the last one when the time is over.
func eventually(within time.Duration, ask func() error) error {
	end := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if _, final := errors.AsType[finalError](err); final {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %v: %w", within, err)
		}
		<-tick.C
	}
}

// listening returns a readiness test: somebody accepts connections at addresses.
func listening(addresses ...string) func() error {
	return func() error {
		for _, a := range addresses {
			conn, err := net.DialTimeout("tcp", a, time.Second)
			if err != nil {
				return err
			}
			conn.Close()
		}
		return nil
	}
}

// write writes a file of a test's.
func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// directory makes a directory that programs which are not root may look into.
func directory(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.MkdirTemp(world.dir, name) //nolint:usetesting // That of testing is closed to others than root.
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}
