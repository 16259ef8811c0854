package smtpclient

import (
	"bytes"
	"testing"
)

// BenchmarkReply reads an EHLO reply of usual size.
func BenchmarkReply(b *testing.B) {
	text := []byte("250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n")
	source := bytes.NewReader(text)
	r := newReplyReader(source)
	b.ReportAllocs()
	for b.Loop() {
		source.Reset(text)
		reply, err := r.read()
		if err != nil || extensions(reply).Size == 0 {
			b.Fatal(err)
		}
	}
}
