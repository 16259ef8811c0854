package dnsclient

import (
	"sync/atomic"
	"time"
)

// How long a server is asked without EDNS. That silence came to a query with EDNS may be one lost
// packet, unless it happens again before a query with EDNS is answered.
const (
	plainBriefly = time.Minute
	plainLong    = 10 * time.Minute
)

// An ednsMemory is what is known of a server's way with EDNS. RFC 6891 section 7 has a server that does
// not know it say FORMERR; some drop such queries, others garble their answers. What is lost
// without it is little: answers above 512 octets come over TCP, and the AD bit is asked for by
// that of the query (RFC 6840 section 5.7).
type ednsMemory struct {
	plain atomic.Int64 // Until when it is asked without, in Unix nanoseconds.
	again atomic.Bool  // It failed at EDNS since it last answered a query with it.
}

// taken tells whether the server is to be asked with EDNS.
func (m *ednsMemory) taken() bool { return time.Now().UnixNano() >= m.plain.Load() }

// worked notes an answer to a query with EDNS.
func (m *ednsMemory) worked() { m.again.Store(false) }

// failed notes that a server answered without EDNS what it did not answer with it; for sure if it said so
// or its answer was malformed.
func (m *ednsMemory) failed(sure bool) {
	holds := plainBriefly
	if m.again.Swap(true) || sure {
		holds = plainLong
	}
	m.plain.Store(time.Now().Add(holds).UnixNano())
}
