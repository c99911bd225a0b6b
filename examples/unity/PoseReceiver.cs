// Moves 17 child objects to a person's joints. Put it on an empty GameObject; needs the packages NetMQ and MessagePack
// (MessagePack-CSharp), both through NuGet for Unity. Not with CURVE: connect through an SSH tunnel for other machines.
using System;
using System.Collections.Generic;
using System.Threading;
using MessagePack;
using NetMQ;
using NetMQ.Sockets;
using UnityEngine;

public class PoseReceiver : MonoBehaviour
{
    public string address = "tcp://127.0.0.1:5556";
    public string stream = "main";
    const int Joints = 17;
    static readonly int[] Parents = { -1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15 };

    readonly Transform[] joints = new Transform[Joints];
    volatile Vector3[] newest; // replaced whole by the receiving thread, read by Update
    volatile bool stopping;
    Thread thread;

    void Start()
    {
        for (int i = 0; i < Joints; i++)
        {
            var ball = GameObject.CreatePrimitive(PrimitiveType.Sphere).transform;
            ball.SetParent(transform, false);
            ball.localScale = Vector3.one * 0.08f;
            joints[i] = ball;
        }
        (thread = new Thread(Receive) { IsBackground = true }).Start();
    }

    void Receive()
    {
        AsyncIO.ForceDotNet.Force();
        using (var socket = new SubscriberSocket())
        {
            socket.Options.Linger = TimeSpan.Zero;
            socket.Options.ReceiveHighWatermark = 10;
            socket.Options.ReconnectInterval = TimeSpan.FromMilliseconds(100);
            socket.Options.ReconnectIntervalMax = TimeSpan.FromSeconds(5);
            socket.Subscribe("pose3d/" + stream + "\0");
            socket.Connect(address);
            while (!stopping)
            {
                if (!socket.TryReceiveFrameBytes(TimeSpan.FromMilliseconds(100), out byte[] message)) continue;
                while (socket.TryReceiveFrameBytes(out byte[] newer)) message = newer; // latest wins
                try { newest = Read(message) ?? newest; }
                catch (Exception error) { Debug.LogWarning("skipped a message: " + error.Message); }
            }
        }
        NetMQConfig.Cleanup(false);
    }

    // The first placed person's joints in Unity's axes (left-handed, y up), or null.
    static Vector3[] Read(byte[] message)
    {
        int body = Array.IndexOf(message, (byte)0) + 1;
        if (body == 0 || message[body] == (byte)'{') throw new FormatException("expected msgpack after the topic");
        var pose = (Dictionary<object, object>)MessagePackSerializer.Deserialize<object>(
            new ReadOnlyMemory<byte>(message, body, message.Length - body));
        if (Convert.ToInt32(pose["v"]) != 1) throw new FormatException("this client speaks version 1 alone");
        bool world = (string)pose["space"] == "world";
        foreach (Dictionary<object, object> person in (object[])pose["persons"])
        {
            if (person["root"] == null) continue;
            Vector3 root = Point(person["root"]);
            var rows = (object[])person["joints"];
            var placed = new Vector3[Joints];
            for (int i = 0; i < Joints; i++)
            {
                Vector3 p = root + Point(rows[i]);
                placed[i] = world ? new Vector3(p.x, p.z, p.y) : new Vector3(p.x, -p.y, p.z);
            }
            return placed;
        }
        return null;
    }

    static Vector3 Point(object row)
    {
        var xyz = (object[])row;
        return new Vector3(Convert.ToSingle(xyz[0]), Convert.ToSingle(xyz[1]), Convert.ToSingle(xyz[2]));
    }

    void Update()
    {
        Vector3[] pose = newest;
        for (int i = 0; pose != null && i < Joints; i++)
        {
            joints[i].localPosition = pose[i];
            if (Parents[i] >= 0) Debug.DrawLine(joints[i].position, joints[Parents[i]].position, Color.green);
        }
    }

    void OnDestroy() { stopping = true; thread?.Join(1000); }
}
