//go:build !linux

package doctor

func segmentation() bool { return false }

func freeSpace(string) (bytes int64, known bool) { return 0, false }

func unsynchronised() (is, known bool) { return false, false }

// FileLimit is how many files this process may open; 0 if there is no telling.
func FileLimit() uint64 { return 0 }
