package collector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/storage"
)

const (
	// firstSave is how soon after the start what is known is written down: everything was just asked at once, and a program that
	// is killed again and again would do so each time.
	firstSave = 10 * time.Second
	// saveEvery is how often it is written afterwards, if there is news. Where that takes long, it is less often, so that
	// it never takes more than a fiftieth of the time.
	saveEvery = time.Minute
	saveShare = 50
	// lastSave is how long after the end began the last writing must be over.
	lastSave = grace + 600*time.Millisecond
)

// A store keeps what is known over restarts.
type store struct {
	dir    *storage.Dir
	saving sync.Mutex   // One save at a time: the last one begins while a slow disk still has the one before.
	news   atomic.Bool  // Something was learnt since the last save.
	tried  atomic.Bool  // A save has ended, well or not.
	ok     atomic.Bool  // The last one ended well.
	saved  atomic.Int64 // When one last did, in milliseconds since 1970; 0: never.
	failed bool         // It was logged that saving fails.
}

// openStore opens the directory that the operator named, "" for none, and puts what is known from before into force. Only a path
// that can never work is an error; a disk that is not in order must not keep us from probing.
func (c *Collector) openStore(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fmt.Errorf("storage path: %s is not a directory", path)
	}
	dir, err := storage.Open(path)
	c.store = &store{dir: dir}
	if err != nil {
		c.logger.Error("What is known cannot be written down, a restart will ask everything anew", "path", path, "err", err)
		c.store.failed = true
		c.store.tried.Store(true)
	}
	return nil
}

// restore puts what was known before the start into force. A file that is not whole counts for nothing, and is set
// aside for people; then it returns false, and what was taken from it is to be thrown away.
func (c *Collector) restore() bool {
	if c.store == nil {
		return true
	}
	begin := time.Now()
	file, err := c.store.dir.Read()
	var r *restorer
	if err == nil {
		r, err = restoreFrom(c, file, begin)
	}
	switch {
	case err == nil:
		c.logger.Info("What was known before the restart is known again", "path", c.store.dir.Path(), "saved", r.saved, "targets", r.targets, "took", time.Since(begin))
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, storage.ErrForeign), errors.Is(err, storage.ErrNewer), errors.Is(err, storage.ErrDamaged):
		aside, asideErr := c.store.dir.SetAside()
		c.logger.Warn("What was known before the restart cannot be used, everything is asked anew", "path", c.store.dir.Path(), "err", errors.Join(err, asideErr), "set_aside", aside)
		return false
	case c.store.failed: // It was said.
	default:
		c.logger.Warn("What was known before the restart cannot be read, everything is asked anew", "err", err)
	}
	return true
}

// keepSaving writes what is known from time to time until ctx ends.
func (c *Collector) keepSaving(ctx context.Context) {
	for wait := firstSave; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		c.save(ctx)
		wait = max(saveEvery, saveShare*time.Since(begin))
	}
}

// saveLast writes what is known when all rounds have ended. stopped is when the end began.
func (c *Collector) saveLast(stopped time.Time) {
	if c.store == nil {
		return
	}
	c.store.news.Store(true) // What checks learn while they are cut off shows in no snapshot.
	ctx, cancel := context.WithDeadline(context.Background(), stopped.Add(lastSave))
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.save(ctx)
	}()
	select {
	case <-done:
	case <-ctx.Done(): // A disk may not answer at all.
		c.logger.Warn("There was no time to write down what is known", "path", c.store.dir.Path())
	}
}

// save writes what is known, if there is news. A disk that fails is logged once, until it does not fail any more.
func (c *Collector) save(ctx context.Context) {
	s := c.store
	s.saving.Lock()
	defer s.saving.Unlock()
	if !s.news.Swap(false) {
		return
	}
	err := s.dir.Save(ctx, c.writeDown)
	if err != nil {
		s.news.Store(true)
	}
	if ctx.Err() != nil && err != nil {
		return // It is the end, not the disk.
	}
	s.ok.Store(err == nil)
	s.tried.Store(true)
	switch {
	case err == nil:
		s.saved.Store(time.Now().UnixMilli())
		if s.failed {
			c.logger.Info("What is known is written down again", "path", s.dir.Path())
		}
	case !s.failed:
		c.logger.Error("What is known cannot be written down, a restart will ask everything anew", "path", s.dir.Path(), "err", err)
	}
	s.failed = err != nil
}
