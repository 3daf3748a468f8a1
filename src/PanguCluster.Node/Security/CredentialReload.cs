using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>
/// Takes over changed key and certificate files. Looks at what they hold, not at their dates: it works for links that are swapped and for
/// file systems without notices. A file that cannot be used is told once, and what was there before stays in force.
/// </summary>
internal sealed partial class CredentialReload(EdgeSecurity security, TimeProvider time, ILogger<CredentialReload> log) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private string _told = "";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (security.Keys is null && security.Certificate is null)
            return;
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            Look();
    }

    private void Look()
    {
        try
        {
            if (security.Keys?.Reload() == true)
                KeysReloaded(security.Keys.Count);
            if (security.Certificate?.Reload() == true)
                CertificateReloaded(security.Certificate.Subject, security.Certificate.Ends);
        }
        catch (CredentialException wrong)
        {
            if (wrong.Message != _told)
                Unusable(wrong.Message);
            _told = wrong.Message;
        }
    }

    [LoggerMessage(LogLevel.Warning, "the API keys have changed: {Count} are in use")]
    private partial void KeysReloaded(int count);

    [LoggerMessage(LogLevel.Warning, "the certificate has changed: {Subject}, valid until {Ends:u}")]
    private partial void CertificateReloaded(string subject, DateTimeOffset ends);

    [LoggerMessage(LogLevel.Error, "not taken over, what was there before stays in force: {Problem}")]
    private partial void Unusable(string problem);
}
