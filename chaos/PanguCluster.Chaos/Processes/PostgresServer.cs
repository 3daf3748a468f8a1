using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace PanguCluster.Chaos.Processes;

/// <summary>A real PostgreSQL on a free loopback port, with a folder of its own. PostgreSQL refuses to run as root; then it runs as the user postgres or nobody.</summary>
public sealed class PostgresServer : IDisposable
{
    private const string Password = "s3cret-word";
    private readonly string _folder = Directory.CreateTempSubdirectory("pangu-postgres-").FullName;
    private readonly string _binaries;
    private readonly string? _user;
    private readonly int _port;

    private PostgresServer(string binaries)
    {
        _binaries = binaries;
        _user = Environment.UserName == "root" ? (Run("id", ["-u", "postgres"], null) == 0 ? "postgres" : "nobody") : null;
        _port = FreePort();
    }

    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={_port};Username=pangu;Password={Password};Database={database}";

    public static string Secret => Password;

    /// <summary>Null: PostgreSQL 15 or later is not installed.</summary>
    public static string? FindBinaries()
    {
        var versions = Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").Order().Reverse() : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return versions.Select(v => Path.Combine(v, "bin")).Prepend("/usr/lib/postgresql/15/bin").Concat(path)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "pg_ctl")));
    }

    public static PostgresServer Start()
    {
        string binaries = FindBinaries() ?? throw new InvalidOperationException(
            "PostgreSQL is not installed: these tests need initdb and pg_ctl in /usr/lib/postgresql/15/bin or on PATH (Debian: apt-get install postgresql-15)");
        var server = new PostgresServer(binaries);
        string words = Path.Combine(server._folder, "password");
        File.WriteAllText(words, Password);
        if (server._user is not null)
            Must(Run("chown", ["-R", server._user, server._folder], null));
        server.Control("initdb", ["-D", server.Data, "-U", "pangu", "--pwfile", words, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"]);
        server.Up();
        return server;
    }

    /// <summary>An empty database.</summary>
    public string CreateDatabase()
    {
        string name = "d" + Guid.NewGuid().ToString("N");
        using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"CREATE DATABASE {name}";
        command.ExecuteNonQuery();
        return name;
    }

    public void Up() => Control("pg_ctl", ["-D", Data, "-w", "-t", "30", "-l", Path.Combine(_folder, "log"), "-o",
        $"-p {_port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100 -c shared_buffers=16MB", "start"]);

    /// <summary>As a crash: no goodbye, the log is replayed at the next start.</summary>
    public void Down() => Control("pg_ctl", ["-D", Data, "-m", "immediate", "stop"]);

    public bool Answers() => Run(Path.Combine(_binaries, "pg_ctl"), ["-D", Data, "status"], _user) == 0;

    public void Dispose()
    {
        Run(Path.Combine(_binaries, "pg_ctl"), ["-D", Data, "-m", "immediate", "stop"], _user);
        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    private void Control(string program, string[] arguments) => Must(Run(Path.Combine(_binaries, program), arguments, _user));

    private static void Must(int exitCode)
    {
        if (exitCode != 0)
            throw new InvalidOperationException($"a command of the PostgreSQL fixture ended with {exitCode}");
    }

    private static int Run(string program, string[] arguments, string? user)
    {
        var start = new ProcessStartInfo(user is null ? program : "runuser", user is null ? arguments : ["-u", user, "--", program, .. arguments])
        {
            // The server would inherit the test runner's pipes and keep them open.
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath(),
        };
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
