package storage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// saver is set in the environment of the process that saves until it is killed.
const saver = "MAILPROBE_TEST_SAVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(saver); dir != "" {
		saveForever(dir)
	}
	os.Exit(m.Run())
}

// generation writes lines that all say which file they are of.
func generation(n int) func(*Writer) error {
	return func(w *Writer) error {
		for range 500 {
			if err := w.Line(n); err != nil {
				return err
			}
		}
		return nil
	}
}

func saveForever(path string) {
	d, err := Open(path)
	for n := 1; err == nil; n++ {
		if err = d.Save(context.Background(), generation(n)); err == nil {
			_, err = fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func open(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lines reads a file whole.
func lines(file []byte) (out []string, err error) {
	err = Decode(file, func(line []byte) error {
		out = append(out, string(line))
		return nil
	})
	return out, err
}

func names(t *testing.T, path string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestSave: what is saved is read again, by its owner alone, in place of what was there before.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "state")
	d := open(t, path)
	if _, err := d.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	for _, text := range []string{"before", "a <b> \x00 \u2028 ü"} {
		if err := d.Save(t.Context(), func(w *Writer) error { return errors.Join(w.Line(text), w.Line([]int{1, 2})) }); err != nil {
			t.Fatal(err)
		}
		file, err := d.Read()
		if err != nil {
			t.Fatal(err)
		}
		got, err := lines(file)
		quoted, _ := json.Marshal(text)
		var read string
		if err != nil || len(got) != 2 || json.Unmarshal([]byte(got[0]), &read) != nil || read != text || got[1] != "[1,2]" {
			t.Errorf("%s became %q, %v", quoted, got, err)
		}
	}
	if got := names(t, path); !slices.Equal(got, []string{name}) {
		t.Errorf("there are %q", got)
	}
	info, err := os.Stat(d.Path())
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestSaveFails: the old file stays, and nothing else.
func TestSaveFails(t *testing.T) {
	full, broken := errors.New("no space left on device"), errors.New("broken off")
	for name, c := range map[string]struct {
		change func(*Dir)
		write  func(*Writer) error
		want   error
	}{
		"the disk is full at once": {
			change: func(d *Dir) { d.disk = func(f *os.File) io.Writer { return failing{f, 0, full} } }, write: generation(2), want: full,
		},
		"the disk is full in the midst": {
			change: func(d *Dir) { d.disk = func(f *os.File) io.Writer { return failing{f, 10, full} } }, write: generation(2), want: full,
		},
		"too much": {change: func(d *Dir) { d.maxFile = 20 }, write: generation(2), want: ErrTooBig},
		"broken off": {write: func(w *Writer) error {
			return errors.Join(w.Line(2), broken)
		}, want: broken},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			if err := d.Save(t.Context(), generation(1)); err != nil {
				t.Fatal(err)
			}
			before, err := d.Read()
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(d)
			}
			if err := d.Save(t.Context(), c.write); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			after, err := d.Read()
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the old file is not there: %v", err)
			}
			if got := names(t, path); len(got) != 1 {
				t.Errorf("there are %q", got)
			}
		})
	}
}

// failing writes no more than so many octets.
type failing struct {
	w    io.Writer
	most int
	err  error
}

func (f failing) Write(p []byte) (int, error) {
	n, _ := f.w.Write(p[:min(len(p), f.most)])
	return n, f.err
}

// TestSaveEnds: who has no time any more gets no file.
func TestSaveEnds(t *testing.T) {
	d := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	err := d.Save(ctx, func(w *Writer) error {
		cancel()
		return w.Line(1)
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := d.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestLineTooLong: one line is left out, the others are there. The longest that is written can be read.
func TestLineTooLong(t *testing.T) {
	d := open(t, t.TempDir())
	longest := strings.Repeat("x", maxLine-3) // Quotes and the line's end.
	err := d.Save(t.Context(), func(w *Writer) error {
		if err := w.Line(longest + "x"); !errors.Is(err, ErrLineTooLong) {
			return fmt.Errorf("too long: %w", err)
		}
		return errors.Join(w.Line(longest), w.Line("last"))
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := d.Read()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := lines(file); err != nil || len(got) != 2 || len(got[0]) != maxLine-1 || got[1] != `"last"` {
		t.Errorf("%d lines, %v", len(got), err)
	}
}

// packed is a file with this text.
func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

const head = `{"format":"mailprobe_exporter state","version":1}` + "\n"

// TestDecode: whatever is not what was written is known as such.
func TestDecode(t *testing.T) {
	good := packed(head + "1\n2\n")
	flipped := slices.Clone(good)
	flipped[len(flipped)-6] ^= 1 // In the checksum.
	broken := errors.New("not a line")
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"good":                      {good, nil},
		"no lines":                  {packed(head), nil},
		"more in the header":        {packed(`{"format":"mailprobe_exporter state","version":1,"by":"1.2.3"}` + "\n1\n"), nil},
		"empty":                     {nil, ErrForeign},
		"text":                      {[]byte(head), ErrForeign},
		"nothing packed":            {packed(""), ErrDamaged},
		"another program's":         {packed(`{"format":"other","version":1}` + "\n"), ErrForeign},
		"not JSON":                  {packed("hello\n"), ErrForeign},
		"no version":                {packed(`{"format":"mailprobe_exporter state"}` + "\n"), ErrForeign},
		"newer":                     {packed(`{"format":"mailprobe_exporter state","version":2,"new":{}}` + "\n"), ErrNewer},
		"a bit of the checksum":     {flipped, ErrDamaged},
		"something behind":          {slices.Concat(good, []byte{0}), ErrDamaged},
		"twice":                     {slices.Concat(good, good), ErrDamaged},
		"a line too long":           {packed(head + strings.Repeat("x", maxLine+1)), ErrDamaged},
		"a line that is not wanted": {packed(head + "broken\n"), broken},
	} {
		err := Decode(c.file, func(line []byte) error {
			if string(line) == "broken" {
				return broken
			}
			return nil
		})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestTruncated: a file that was cut off anywhere is not whole.
func TestTruncated(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Save(t.Context(), generation(1)); err != nil {
		t.Fatal(err)
	}
	file, err := d.Read()
	if err != nil {
		t.Fatal(err)
	}
	for n := range file {
		if _, err := lines(file[:n]); err == nil {
			t.Fatalf("the first %d octets of %d are a whole file", n, len(file))
		}
	}
}

// TestReadWhatIsNoFile: what stands in the file's place can be set aside, and replaces what was before.
func TestReadWhatIsNoFile(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := os.Mkdir(d.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(); !errors.Is(err, ErrForeign) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := d.SetAside(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(path, asideName)); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := d.Save(t.Context(), generation(1)); err != nil {
			t.Fatal(err)
		}
		if aside, err := d.SetAside(); err != nil || aside != filepath.Join(path, asideName) {
			t.Errorf("set aside as %q, %v", aside, err)
		}
	}
	if err := os.WriteFile(d.Path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.Path(), maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(); !errors.Is(err, ErrDamaged) {
		t.Errorf("a file too big: %v", err)
	}
}

// TestOpenFails: a directory that cannot be is told, and each save says so again.
func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(filepath.Join(file, "state"))
	if err == nil || d == nil {
		t.Errorf("%v, %v", d, err)
	}
	if err := d.Save(t.Context(), generation(1)); err == nil {
		t.Error("it was saved")
	}
}

// TestKilled kills a process that saves without end, again and again: the last file that it said was saved is there, or a later one, and
// whole. What was half written goes with the next start.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	for round := range 20 {
		killed := exec.CommandContext(t.Context(), self)
		killed.Env = append(os.Environ(), saver+"="+path)
		var said strings.Builder
		killed.Stderr = &said
		out, err := killed.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		saved, reports := 0, bufio.NewScanner(out)
		for range 1 + round%5 {
			if !reports.Scan() {
				t.Fatalf("it ended by itself: %s", said.String())
			}
			if _, err := fmt.Sscan(reports.Text(), &saved); err != nil {
				t.Fatal(err)
			}
		}
		if err := killed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = killed.Wait()

		d := open(t, path)
		file, err := d.Read()
		if err != nil {
			t.Fatal(err)
		}
		got, err := lines(file)
		if err != nil || len(got) != 500 {
			t.Fatalf("%d lines, %v", len(got), err)
		}
		var n int
		if _, err := fmt.Sscan(got[0], &n); err != nil || n < saved || len(slices.Compact(got)) != 1 {
			t.Errorf("lines of file %s, and the last one said to be saved is %d", slices.Compact(got), saved)
		}
		if left := names(t, path); !slices.Equal(left, []string{name}) {
			t.Errorf("there are %q", left)
		}
	}
}

// FuzzDecode: nothing that stands in the file brings the program down, and what was read is what can be written.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", head, head + "1\n{}\n", "{}\n", head + "\n\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = Decode(text, func([]byte) error { return nil })
		got, err := lines(packed(string(text)))
		if err != nil {
			return
		}
		again, err := lines(packed(head + strings.Join(append(got, ""), "\n")))
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("%q became %q, %v", got, again, err)
		}
	})
}
