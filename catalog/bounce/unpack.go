package bounce

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// MaxUnpacked is how many octets of a compressed file are read: a small file may unpack to any size.
const MaxUnpacked = 4 << 30

// Errors of Unpack and of its reader.
var (
	ErrPacked  = errors.New("compressed in a way that is not read here")
	ErrTooMuch = errors.New("unpacks to more than is read")
)

// Unpack returns the content of r, unpacked if r begins as gzip or bzip2 do, as logs that were rotated are. An error wraps ErrPacked
// where r is packed in another way. At most MaxUnpacked octets are unpacked; beyond them reading fails with ErrTooMuch.
func Unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, _ := in.Peek(6) // A shorter file is not packed.
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return &capped{unpacked, MaxUnpacked}, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return &capped{bzip2.NewReader(in), MaxUnpacked}, nil
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, fmt.Errorf("%w: xz; unpack it with xz -dc", ErrPacked)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return nil, fmt.Errorf("%w: zstd; unpack it with zstd -dc", ErrPacked)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, fmt.Errorf("%w: zip; unpack it with unzip -p", ErrPacked)
	}
	return in, nil
}

// A capped reader fails where there is more than its limit.
type capped struct {
	io.Reader
	left int64
}

func (b *capped) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooMuch
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
