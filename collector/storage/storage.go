// Package storage keeps one small file in a directory: what a program wants to know again after a restart.
//
// The file is lines of JSON, compressed with gzip, so that anybody can read it (zcat state.jsonl.gz). The first line says what it is and
// in which version. gzip ends with a checksum and the length of everything, so that a file which was cut off, or of which a bit was lost,
// is known as such.
//
// A new file is written beside the old one, brought to the disk, and then given the old one's name, which is one
// step. Whenever the program is killed or the power goes, the old file or the new one is there, whole.
package storage

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	name        = "state.jsonl.gz"
	asideName   = name + ".damaged"
	tempPattern = name + ".*.tmp"

	format  = "mailprobe_exporter state"
	version = 1

	// Of what is read and written. Ten thousand servers take a tenth of it.
	maxFile = 64 << 20
	maxText = 1 << 30 // Of all lines: gzip makes a thousand octets of one, if somebody wishes.
	maxLine = 4 << 20
)

// Reasons for which a file cannot be read, or written.
var (
	ErrForeign = errors.New("it is not a file of this program")
	ErrNewer   = errors.New("it was written by a newer version of this program")
	ErrDamaged = errors.New("it is damaged")
	ErrTooBig  = errors.New("it would be too big")
	// ErrLineTooLong leaves a line out; others can follow.
	ErrLineTooLong = errors.New("the line would be too long")
)

// header is the first line.
type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

// A Dir is a directory with the file.
type Dir struct {
	path    string
	maxFile int64
	disk    func(*os.File) io.Writer // The disk, or one that fails, in tests.
}

// Open returns a directory, which it makes if it is not there. What a program that was killed left half written is removed.
func Open(path string) (*Dir, error) {
	d := &Dir{path: path, maxFile: maxFile, disk: func(f *os.File) io.Writer { return f }}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return d, fmt.Errorf("make directory: %w", err)
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if half, _ := filepath.Match(tempPattern, e.Name()); half {
			err = errors.Join(err, os.Remove(filepath.Join(path, e.Name())))
		}
	}
	if err != nil {
		return d, fmt.Errorf("remove what was left half written: %w", err)
	}
	return d, nil
}

// Path is where the file is.
func (d *Dir) Path() string { return filepath.Join(d.path, name) }

// Read returns the file as it is; fs.ErrNotExist if there is none. ErrForeign and ErrDamaged: it cannot be what Save has written.
func (d *Dir) Read() ([]byte, error) {
	// Who opens a pipe waits for somebody to write.
	if info, err := os.Stat(d.Path()); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read state: %w: not even a file", ErrForeign)
	}
	f, err := os.Open(d.Path())
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read state: %w", err)
	case len(b) > maxFile:
		return nil, fmt.Errorf("read state: %w: it has more than %d octets", ErrDamaged, maxFile)
	}
	return b, nil
}

// SetAside gives the file another name, under which it stays until the next one is set aside.
func (d *Dir) SetAside() (newPath string, err error) {
	newPath = filepath.Join(d.path, asideName)
	if err := os.Rename(d.Path(), newPath); err != nil {
		return "", fmt.Errorf("set state aside: %w", err)
	}
	return newPath, nil
}

// Decode calls each for every line of a file, in their order, the first one excepted. The line is valid during the call. Its
// errors are those of each, ErrForeign, ErrNewer and ErrDamaged; a file that ends in one of them was not whole, and lines
// of which each was called before are not to be believed.
func Decode(file []byte, each func(line []byte) error) error {
	in := bytes.NewReader(file)
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	unpacked.Multistream(false)
	text := &io.LimitedReader{R: unpacked, N: maxText}
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	if !lines.Scan() {
		return fmt.Errorf("%w: it is empty: %w", ErrDamaged, cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
	}
	if err := checkHeader(lines.Bytes()); err != nil {
		return err
	}
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, lines.Err())
	case text.N <= 0:
		return fmt.Errorf("%w: it unpacks to more than %d octets", ErrDamaged, maxText)
	case in.Len() > 0:
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	return nil
}

// checkHeader looks at the first line. Newer versions may say more there.
func checkHeader(line []byte) error {
	var h header
	switch err := json.Unmarshal(line, &h); {
	case err != nil || h.Format != format || h.Version < 1:
		return ErrForeign
	case h.Version > version:
		return fmt.Errorf("%w: its version is %d, and %d is known", ErrNewer, h.Version, version)
	}
	return nil
}

// A Writer takes the lines of a file.
type Writer struct {
	ctx   context.Context
	text  io.Writer
	line  bytes.Buffer
	lines *json.Encoder // Writes to line.
}

// Line writes a value as a line. ErrLineTooLong says that it was left out; after any other error no file comes of it.
func (w *Writer) Line(v any) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.line.Reset()
	if err := w.lines.Encode(v); err != nil {
		return err
	}
	if w.line.Len() > maxLine {
		return ErrLineTooLong
	}
	_, err := w.text.Write(w.line.Bytes())
	return err
}

// Save replaces the file by one of the lines that write writes. On an error, and when ctx ends, the old one stays.
func (d *Dir) Save(ctx context.Context, write func(*Writer) error) error {
	if err := d.save(ctx, write); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

func (d *Dir) save(ctx context.Context, write func(*Writer) error) (err error) {
	f, err := os.CreateTemp(d.path, tempPattern) // For its owner alone: mode 0600.
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(d.path, 0o700); err == nil { // The disk was not mounted yet.
			f, err = os.CreateTemp(d.path, tempPattern)
		}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := d.fill(ctx, d.disk(f), write); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.Path()); err != nil {
		return err
	}
	return d.sync()
}

// fill writes what the file is to hold.
func (d *Dir) fill(ctx context.Context, disk io.Writer, write func(*Writer) error) error {
	buffered := bufio.NewWriterSize(&bounded{disk, d.maxFile}, 64<<10)
	packed, err := gzip.NewWriterLevel(buffered, gzip.BestSpeed)
	if err != nil {
		return err
	}
	w := &Writer{ctx: ctx, text: &bounded{packed, maxText - 1}}
	w.lines = json.NewEncoder(&w.line)
	w.lines.SetEscapeHTML(false)
	if err := w.Line(header{format, version}); err != nil {
		return err
	}
	if err := write(w); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// A bounded writer takes so many octets.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, ErrTooBig
	}
	return b.w.Write(p)
}

// sync brings a new name to the disk.
func (d *Dir) sync() error {
	if runtime.GOOS == "windows" {
		return nil // A directory cannot be opened there.
	}
	dir, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
