//go:build !unix

package collector

import (
	"errors"
	"time"
)

// processorTime is not to be had where there is no getrusage(2): such a benchmark ends there.
func processorTime() time.Duration { panic(errors.ErrUnsupported) }
