// Package status is what grpc's handlers return errors by.
package status

func Error(code int, what string) error { return nil }
