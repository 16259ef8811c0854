//go:build integration

package integration

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A clock of one's own: namespaces shift the monotonic clock alone, and Go asks the kernel without a library that could be put in
// between. So the exporter is built once more, with a standard library in which time.Now adds what a file says to the wall clock. The
// rest of it, and all of the exporter, is as it is released.

// clockFile names, for such an exporter, the file with the seconds by which its clock is fast, as eight octets.
const clockFile = "MAILPROBE_CLOCK"

// jumpSource is what is added to package time. The file is mapped and not read, for the scheduler of Go asks for the time where
// no system call may be made.
const jumpSource = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var jump = func() *atomic.Int64 {
	path, _ := syscall.Getenv("` + clockFile + `")
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	page, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return (*atomic.Int64)(unsafe.Pointer(&page[0]))
}()

func clockJump() int64 {
	if jump == nil {
		return 0
	}
	return jump.Load()
}
`

// buildClocked builds an exporter whose clock is set by a file.
func buildClocked(t *testing.T) string {
	t.Helper()
	dir := directory(t, "clock")
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const ask = "sec, nsec, mono := runtimeNow()\n"
	before, now, found := strings.Cut(string(text), "\nfunc Now() Time {\n")
	if !found || !strings.Contains(now, ask) {
		t.Fatalf("time.Now of %s is not as it was", runtime.Version())
	}
	write(t, filepath.Join(dir, "time.go"), before+"\nfunc Now() Time {\n"+strings.Replace(now, ask, ask+"\tsec += clockJump()\n", 1))
	write(t, filepath.Join(dir, "jump.go"), jumpSource)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(source, "time.go"): filepath.Join(dir, "time.go"),
		filepath.Join(source, "jump.go"): filepath.Join(dir, "jump.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	program := filepath.Join(dir, "mailprobe_exporter")
	if err := run("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "../cmd/mailprobe_exporter"); err != nil {
		t.Fatal(err)
	}
	return program
}

// A traveller is an exporter whose clock jumps.
type traveller struct {
	*exporter
	jumps *patient
}

// startTraveller starts it. Its clock jumps two hours ahead and back, and each time every server must go on being asked.
func startTraveller(t *testing.T, config string) *traveller {
	t.Helper()
	clock, err := os.Create(filepath.Join(directory(t, "traveller"), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clock.Close() })
	const ahead = 2 * time.Hour
	setTo := func(by time.Duration) func() error {
		return func() error {
			_, err := clock.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(by.Seconds())), 0)
			return err
		}
	}
	if err := setTo(0)(); err != nil {
		t.Fatal(err)
	}
	v := &traveller{exporter: startBinaryAt(t, config, freePort(), "env", clockFile+"="+clock.Name(), buildClocked(t))}
	v.jumps = &patient{
		name: "clock two hours ahead", every: 6 * time.Second, rest: 20 * time.Second,
		spoil: setTo(ahead), mend: setTo(0), sick: allAskedAt(ahead), well: allAskedAt(0),
	}
	return v
}

// allAskedAt wants every server to have been asked within half a minute of the real time and so much more.
func allAskedAt(by time.Duration) func(scrape) error {
	return func(s scrape) error {
		found := s.find(`check_last_run_timestamp_seconds{check="smtp"}`)
		if len(found) < len(soakServers) {
			return fmt.Errorf("%d servers", len(found))
		}
		for _, x := range found {
			if at := time.Unix(int64(x.value), 0).Add(-by); time.Since(at).Abs() > 30*time.Second {
				return fmt.Errorf("%s was asked at %v, and its clock is %v ahead", x.labels["target"], at.Add(by), by)
			}
		}
		return nil
	}
}
