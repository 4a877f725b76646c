// Package bench measures ops on devices: how long they take, how near they come
// to the device's limit, and how they compare with the same product in OpenBLAS.
//
// A measurement is the median of several samples; a sample repeats the op until
// fifty milliseconds have passed. Where there is a peer, its samples and
// ours take turns, so that both see the same noise.
package bench
