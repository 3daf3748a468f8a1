using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace PanguCluster.Node.Services;

/// <summary>
/// Binds the generated services like the framework's own provider, but reads requests through a marshaller that answers a message it
/// cannot read with INVALID_ARGUMENT and the field's name. The framework's answer is UNKNOWN "Exception was thrown by handler": it
/// reads the message before any interceptor runs.
/// </summary>
[SuppressMessage("Performance", "CA1812", Justification = "Made by the service container.")]
internal sealed class CheckedMethodProvider<TService> : IServiceMethodProvider<TService>
    where TService : class
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        for (var type = typeof(TService); type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>() is not { } binding)
                continue;
            var bind = binding.BindType.GetMethod(binding.BindMethodName, [typeof(ServiceBinderBase), type])
                ?? throw new InvalidOperationException($"{binding.BindType} has no {binding.BindMethodName}.");
            bind.Invoke(null, [new Binder(context), null]);
            return;
        }
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Checked(method), Metadata(method), Handler<UnaryServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(
                Checked(method), Metadata(method), Handler<ServerStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(
                Checked(method), Metadata(method), Handler<ClientStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddDuplexStreamingMethod(
                Checked(method), Metadata(method), Handler<DuplexStreamingServerMethod<TService, TRequest, TResponse>>(method));

        private static MethodInfo Implementation(IMethod method) =>
            typeof(TService).GetMethods().Single(m => m.Name == method.Name && m.GetParameters().Any(p => p.ParameterType == typeof(ServerCallContext)));

        private static TDelegate Handler<TDelegate>(IMethod method)
            where TDelegate : Delegate => Implementation(method).CreateDelegate<TDelegate>();

        private static List<object> Metadata(IMethod method) =>
            [.. typeof(TService).GetCustomAttributes(true), .. Implementation(method).GetCustomAttributes(true), new HttpMethodMetadata(["POST"])];

        private static Method<TRequest, TResponse> Checked<TRequest, TResponse>(Method<TRequest, TResponse> method)
            where TRequest : class
            where TResponse : class =>
            new(method.Type, method.ServiceName, method.Name, CheckedMarshaller.Around(method.RequestMarshaller), method.ResponseMarshaller);
    }
}
