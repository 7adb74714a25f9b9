package sfu

import (
	"fmt"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
)

// pionFeedbackFactory puts pion's own feedback to publishers into the chain of a peer: transport-wide feedback and receiver
// reports.
type pionFeedbackFactory struct{ engine *Engine }

// NewInterceptor implements interceptor.Factory.
func (f pionFeedbackFactory) NewInterceptor(id string) (interceptor.Interceptor, error) {
	return &pionFeedback{build: func() (interceptor.Interceptor, error) {
		feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(feedbackInterval), twcc.WithLoggerFactory(f.engine.loggers))
		if err != nil {
			return nil, fmt.Errorf("make transport-wide feedback: %w", err)
		}
		reports, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(f.engine.loggers))
		if err != nil {
			return nil, fmt.Errorf("make receiver reports: %w", err)
		}
		var registry interceptor.Registry
		registry.Add(feedback)
		registry.Add(reports)
		return registry.Build(id)
	}}, nil
}

// pionFeedback begins to work with the first RTP packet that somebody reads from pion. That is on pion's path only: on the
// server's own path the uplink tells publishers what came, and nobody needs the goroutines and tickers of pion's.
type pionFeedback struct {
	interceptor.NoOp
	build func() (interceptor.Interceptor, error)

	// mu guards what follows, for the making of the interceptors.
	mu     sync.Mutex
	closed bool
	writer interceptor.RTCPWriter
	inner  interceptor.Interceptor // nil before the first packet
}

// BindRTCPWriter implements interceptor.Interceptor.
func (f *pionFeedback) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writer = w
	return w
}

// BindRemoteStream implements interceptor.Interceptor.
func (f *pionFeedback) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	var inner interceptor.RTPReader // there is one goroutine that reads
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		if inner != nil {
			return inner.Read(b, a) //nolint:wrapcheck // passed through
		}
		n, a, err := r.Read(b, a)
		if err != nil {
			return n, a, err //nolint:wrapcheck // passed through
		}
		chain, err := f.start()
		if err != nil || chain == nil {
			return n, a, err
		}
		first := true
		inner = chain.BindRemoteStream(info, interceptor.RTPReaderFunc(
			func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
				if first { // it is in b already
					first = false
					return n, a, nil
				}
				return r.Read(b, a) //nolint:wrapcheck // passed through
			},
		))
		return inner.Read(b, a) //nolint:wrapcheck // passed through
	})
}

// BindRTCPReader implements interceptor.Interceptor: receiver reports echo the times of sender reports.
func (f *pionFeedback) BindRTCPReader(r interceptor.RTCPReader) interceptor.RTCPReader {
	var inner interceptor.RTCPReader
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		if inner == nil {
			f.mu.Lock()
			if f.inner != nil {
				inner = f.inner.BindRTCPReader(r)
			}
			f.mu.Unlock()
		}
		if inner == nil {
			return r.Read(b, a) //nolint:wrapcheck // passed through
		}
		return inner.Read(b, a) //nolint:wrapcheck // passed through
	})
}

// UnbindRemoteStream implements interceptor.Interceptor.
func (f *pionFeedback) UnbindRemoteStream(info *interceptor.StreamInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inner != nil {
		f.inner.UnbindRemoteStream(info)
	}
}

// Close implements interceptor.Interceptor.
func (f *pionFeedback) Close() error {
	f.mu.Lock()
	inner := f.inner
	f.closed = true
	f.mu.Unlock()
	if inner == nil {
		return nil
	}
	return inner.Close() //nolint:wrapcheck // passed through
}

// start makes the interceptors if there are none yet; nil after Close.
func (f *pionFeedback) start() (interceptor.Interceptor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inner == nil && !f.closed {
		inner, err := f.build()
		if err != nil {
			return nil, err
		}
		inner.BindRTCPWriter(f.writer)
		f.inner = inner
	}
	return f.inner, nil
}
