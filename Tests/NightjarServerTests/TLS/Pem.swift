//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Files for the tests of TLS; these keys guard nothing.
enum Pem {
    /// For `nightjar.example`, a hundred years long, of ``key``.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBqjCCAVCgAwIBAgIUfeiYFv/G/IK6mUX8FIf6ZZOQhfQwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQbmlnaHRqYXIuZXhhbXBsZTAgFw0yNjExMjQyMTMxMzVaGA8y
        MTI2MTAzMTIxMzEzNVowGzEZMBcGA1UEAwwQbmlnaHRqYXIuZXhhbXBsZTBZMBMG
        ByqGSM49AgEGCCqGSM49AwEHA0IABLBbOBbnR1JQpq37WYMen8SFjijtw/aNzOg/
        2b+LhyfGRlW7Bi/zDRxjBU0zME0VaFyCcOh7ZsAPsQ9+5zossjGjcDBuMB0GA1Ud
        DgQWBBQgwuHuY2thd0HVRT7gMv8NzM8/qTAfBgNVHSMEGDAWgBQgwuHuY2thd0HV
        RT7gMv8NzM8/qTAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEG5pZ2h0amFy
        LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIhAKtzOyp2myyc6zYw6NuhO9LcugC+
        Uxrgg6dcHTcvnO8rAiBkBf32iOBxcI5ViN34X1BHSE0MG0PKd4M/We+cJsocvg==
        -----END CERTIFICATE-----
        """

    /// The same until 2020-01-02.
    static let expiredCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBHjCBxAIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBuaWdodGphci5leGFt
        cGxlMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDEwMjAwMDAwMFowGzEZMBcGA1UEAwwQ
        bmlnaHRqYXIuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLBbOBbn
        R1JQpq37WYMen8SFjijtw/aNzOg/2b+LhyfGRlW7Bi/zDRxjBU0zME0VaFyCcOh7
        ZsAPsQ9+5zossjEwCgYIKoZIzj0EAwIDSQAwRgIhAOVUjdZgcSruvbp+jHnZyKin
        T0PITH6dieIJaU77rveQAiEA0TOn+OydXFVYiUelch8GaozHOr8AG63eOdoql9WK
        vRU=
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEICoO0s3WQztWXe62aqWSbEtKs6fwVXJU3skM3nS7se3ZoAoGCCqGSM49
        AwEHoUQDQgAEsFs4FudHUlCmrftZgx6fxIWOKO3D9o3M6D/Zv4uHJ8ZGVbsGL/MN
        HGMFTTMwTRVoXIJw6HtmwA+xD37nOiyyMQ==
        -----END EC PRIVATE KEY-----
        """

    static let otherKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIFckruP5PnNVg51nP/QPJDR2HGlgxe+JYiwKOLuGz719oAoGCCqGSM49
        AwEHoUQDQgAEyxWwOXcLY4Q3H2/eCBZR0Y9kE5X2W2BH+4r4bMNypZT1D/JydslK
        2nfOe+YneEnl+06HzTGsSsvC+rsjcy6/Yg==
        -----END EC PRIVATE KEY-----
        """
}
